/**
 * `npm run check`: everything that can be judged without running the product. All steps run at the same time, and
 * only a failing one shows its output. `npm run check -- types lint` runs the named steps alone.
 */
import { spawn } from "node:child_process"
import { bin, root, script } from "./bin.ts"

/** To add a step, add a line: a name, and a command that exits 0 when all is well. */
const steps: Readonly<Record<string, ReadonlyArray<string>>> = {
  types: bin("tsc", "-p", "tsconfig.check.json"),
  // Core once more by itself: it compiles without the types of Node and the DOM, so a host global does not exist in it.
  // Not composite, because a build info file from here would make a later `tsc -b` believe that it has emitted.
  "types-core": bin("tsc", "-p", "packages/core", "--noEmit", "--composite", "false"),
  lint: bin("oxlint", "--type-aware"),
  format: bin("oxfmt", "--check"),
  boundaries: script("scripts/check/boundaries.ts"),
  drift: script("scripts/check/drift.ts"),
  unused: bin("knip", "--no-progress", "--no-config-hints"),
}

// The steps write into a pipe, where tools guess: some colour for a log file, others not for a terminal.
const env = { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }) }

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`

const run = (name: string, [program, ...args]: ReadonlyArray<string>) =>
  new Promise<boolean>((done) => {
    const started = performance.now()
    const child = spawn(program!, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    const collect = (chunk: string) => (output += chunk)
    child.stdout.setEncoding("utf8").on("data", collect)
    child.stderr.setEncoding("utf8").on("data", collect)
    child.on("error", (error) => collect(`${error.message}\n`))
    child.on("close", (code, signal) => {
      const passed = code === 0
      console.log(`${passed ? "ok  " : "FAIL"}  ${name.padEnd(12)} ${seconds(started)}${signal ? `  (${signal})` : ""}`)
      if (!passed) console.log(`\n${output.trim()}\n`)
      done(passed)
    })
  })

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in steps))
if (unknown.length > 0) {
  console.error(`There is no check step ${unknown.join(", ")}. The steps are: ${Object.keys(steps).join(", ")}.`)
  process.exit(2)
}

const started = performance.now()
const chosen = Object.entries(steps).filter(([name]) => wanted.length === 0 || wanted.includes(name))
const results = await Promise.all(chosen.map(async ([name, command]) => ({ name, passed: await run(name, command) })))
const failed = results.filter((result) => !result.passed).map((result) => result.name)
console.log(
  failed.length === 0 ? `check passed in ${seconds(started)}` : `check failed in ${seconds(started)}: ${failed.join(", ")}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
