/**
 * `npm test`: makes sure that the programs which some tests drive are there, runs vitest, and ends with one plain
 * line of counts. Arguments go to vitest: `npm test -- packages/core`, `npm test -- --project unit`.
 */
import { spawn, spawnSync } from "node:child_process"
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { bin, root } from "./bin.ts"

const inCi = process.env.CI === "true"

const chromiumPath = process.env.CHROMIUM_PATH

interface Program {
  readonly name: string
  /** False when the user has named a path: a package would not put anything there. */
  readonly installable: boolean
  readonly env: string
  readonly usedBy: string
  readonly find: () => string | undefined
}

const executable = (path: string) => {
  try {
    accessSync(path, constants.X_OK)
    return path
  } catch {
    return undefined
  }
}
const onPath = (name: string) =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => executable(join(folder, name)))
    .find((path) => path !== undefined)

/** What tests need besides npm packages. The Debian package has the same name as the program. */
const programs: ReadonlyArray<Program> = [
  {
    name: "chromium",
    installable: chromiumPath === undefined,
    env: "PARLEY_CHROMIUM",
    usedBy: "tests in a real browser",
    find: () => executable(chromiumPath ?? "/usr/bin/chromium"),
  },
  {
    name: "strace",
    installable: true,
    env: "PARLEY_STRACE",
    usedBy: "tests that count fsync calls",
    find: () => onPath("strace"),
  },
  {
    name: "openssl",
    installable: true,
    env: "TEST_OPENSSL",
    usedBy: "tests over TLS",
    find: () => onPath("openssl"),
  },
]

const missing = () => programs.filter((program) => program.find() === undefined)

const installMissing = () => {
  const names = missing()
    .filter((program) => program.installable)
    .map((program) => program.name)
  const canInstall = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")
  if (names.length === 0 || !canInstall) return
  console.log(`Installing ${names.join(" and ")} for the tests with apt-get, about half a minute…`)
  const apt = (...args: ReadonlyArray<string>) =>
    spawnSync("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=300", ...args], {
      encoding: "utf8",
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "pipe"],
    })
  const update = apt("update")
  const install = apt("install", "-y", "--no-install-recommends", ...names)
  if (install.status !== 0) console.log(`apt-get failed:\n${`${update.stderr ?? ""}${install.stderr ?? ""}`.trim()}`)
}

const reportMissing = () => {
  for (const { name, usedBy } of missing()) {
    const place = name === "chromium" ? ", or set CHROMIUM_PATH to the program of a Chromium or Chrome" : ""
    const advice = `apt-get update && apt-get install -y --no-install-recommends ${name}${place}`
    console.log(`${inCi ? "Missing" : "Skipped"}: ${usedBy}, because ${name} was not found. To get it: ${advice}`)
  }
}

const runVitest = (reportFile: string) => {
  const args = process.argv.slice(2)
  const reporters = args.some((arg) => arg.startsWith("--reporter")) ? [] : ["--reporter=default"]
  const [node, ...command] = bin("vitest", "run", ...reporters, "--reporter=json", `--outputFile.json=${reportFile}`, ...args)
  const found = programs.flatMap(({ env, find }) => {
    const path = find()
    return path === undefined ? [] : [[env, path] as const]
  })
  const child = spawn(node!, command, { cwd: root, stdio: "inherit", env: { ...process.env, ...Object.fromEntries(found) } })
  process.on("SIGTERM", () => child.kill("SIGTERM"))
  // A terminal has sent Ctrl-C to vitest as well; wait for it, so that it can end its workers.
  process.on("SIGINT", () => undefined)
  return new Promise<number>((done) => child.on("close", (code) => done(code ?? 1)))
}

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly testResults: ReadonlyArray<{
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly fullName: string }>
  }>
}

const judge = (report: Report, vitestCode: number) => {
  const tests = report.testResults.flatMap((file) => file.assertionResults)
  const passed = tests.filter((test) => test.status === "passed").length
  const failedTests = tests.filter((test) => test.status === "failed").length
  // A file that does not load has no tests that could fail; it counts as one.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length
  const failed = failedTests + brokenFiles
  const skipped = tests.filter((test) => test.status !== "passed" && test.status !== "failed")
  const unexplained = skipped.filter((test) => !/\[(needs |deviates: )/.test(test.fullName))

  const reasons: Array<string> = []
  if (passed + failed === 0) reasons.push("no test ran")
  if (inCi && unexplained.length > 0)
    reasons.push(
      `in CI a skipped test gives its reason as "[needs …]" or "[deviates: …]" in its title; these do not:\n` +
        unexplained.map((test) => `  ${test.fullName}`).join("\n"),
    )
  if (failed === 0 && vitestCode !== 0 && reasons.length === 0)
    reasons.push(`vitest ended with code ${vitestCode}; its reason is above`)
  for (const reason of reasons) console.log(`Failed: ${reason}`)
  console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`)
  return failed === 0 && reasons.length === 0 && vitestCode === 0 ? 0 : 1
}

installMissing()
reportMissing()
if (inCi && missing().length > 0) process.exit(1)

const folder = mkdtempSync(join(tmpdir(), "parley-test-"))
try {
  const reportFile = join(folder, "report.json")
  const code = await runVitest(reportFile)
  const report = existsSync(reportFile) ? (JSON.parse(readFileSync(reportFile, "utf8")) as Report) : { testResults: [] }
  process.exitCode = judge(report, code)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
