// Starts the project's programs on a Node that can run TypeScript directly: the host's own when it is new enough,
// otherwise a pinned one taken from the npm registry. Plain JavaScript without dependencies, because it is the one
// file that an older Node has to run.
//
//   node scripts/launch.mjs <file.ts> [args…]     run a file
//   node scripts/launch.mjs -e <code> [args…]     run a line of code
//   node scripts/launch.mjs --bin <tool> [args…]  run a tool of node_modules/.bin

import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs"
import { constants, tmpdir } from "node:os"
import { delimiter, dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const PINNED = "24.21.0"
const FLAGS = ["--conditions=@parley/source", "--disable-warning=ExperimentalWarning"]
const root = dirname(dirname(fileURLToPath(import.meta.url)))

const fail = (message) => {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

// 22.19 and 23.6 are the first of their lines that strip types without a flag and without a warning per file.
const hostIsNewEnough = () => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  if (major === 22) return minor >= 19
  if (major === 23) return minor >= 6
  return major > 23
}

// The real binary, not npx, runs the program: signals and exit codes then pass through one process less.
const pinnedNode = () => {
  const cacheDir = join(root, "node_modules", ".cache", "parley")
  const cacheFile = join(cacheDir, `node-${PINNED}-${process.platform}-${process.arch}`)
  if (existsSync(cacheFile)) {
    const cached = readFileSync(cacheFile, "utf8").trim()
    if (existsSync(cached)) return cached
  }
  process.stderr.write(`Node ${process.versions.node} cannot run TypeScript; fetching Node ${PINNED} from the npm registry…\n`)
  const print = "console.log(process.version+' '+process.execPath)"
  const npx = spawnSync("npx", ["-y", "--loglevel=error", "-p", `node@${PINNED}`, "node", "-e", JSON.stringify(print)], {
    cwd: tmpdir(),
    encoding: "utf8",
    shell: true,
    stdio: ["ignore", "pipe", "pipe"],
  })
  const answer = npx.stdout?.trim().split("\n").at(-1) ?? ""
  const path = answer.slice(answer.indexOf(" ") + 1)
  // With install scripts switched off npx finds no binary and falls back to the host's Node.
  if (npx.status !== 0 || !answer.startsWith(`v${PINNED} `) || !existsSync(path)) {
    const got = npx.status === 0 ? `npx ran ${answer || "nothing"} instead (are npm's install scripts off?)` : npx.stderr?.trim()
    const reason = (got || String(npx.error ?? "npx gave no reason"))
      .split("\n")
      .filter((line) => !/^npm error( +at |$)/.test(line))
    fail(
      `Parley needs Node 22.19 or newer; this is ${process.versions.node}, and fetching node@${PINNED} failed:\n` +
        `  ${reason.slice(0, 5).join("\n  ")}\n` +
        "What to do: install Node 22.19 or newer (https://nodejs.org) and try again, or make the npm registry reachable.",
    )
  }
  mkdirSync(cacheDir, { recursive: true })
  // Renamed into place, so that another start never reads half a path.
  writeFileSync(`${cacheFile}.${process.pid}`, path)
  renameSync(`${cacheFile}.${process.pid}`, cacheFile)
  return path
}

const toolEntry = (tool) => {
  const link = join(root, "node_modules", ".bin", tool)
  if (!existsSync(link)) fail(`There is no node_modules/.bin/${tool}. Run "npm install" first.`)
  return realpathSync(link)
}

const programOf = ([first, ...rest]) => {
  if (first === undefined) fail("Usage: node scripts/launch.mjs <file.ts | -e code | --bin tool> [args…]")
  if (first === "--bin") {
    if (rest[0] === undefined) fail("Usage: node scripts/launch.mjs --bin <tool> [args…]")
    return [toolEntry(rest[0]), ...rest.slice(1)]
  }
  if (first.startsWith("-") || existsSync(first)) return [first, ...rest]
  const fromRoot = resolve(root, first)
  if (!existsSync(fromRoot)) fail(`There is no ${first}, neither in ${process.cwd()} nor in ${root}.`)
  return [fromRoot, ...rest]
}

const program = programOf(process.argv.slice(2))
const node = hostIsNewEnough() ? process.execPath : pinnedNode()
const child = spawn(node, [...FLAGS, ...program], {
  stdio: "inherit",
  // First in PATH, so that a tool which starts "node" by name gets this one too.
  env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}` },
})

// A terminal sends Ctrl-C to the whole process group. Forwarding it as well would deliver it twice, and a second
// interrupt tells a draining server to stop at once.
const terminalSendsInterrupt = process.stdin.isTTY === true
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => {
    if (signal !== "SIGINT" || !terminalSendsInterrupt) child.kill(signal)
  })

child.on("error", (error) => fail(`Cannot start ${node}: ${error.message}`))
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  // Reached only when this process ignores the signal that ended the child.
  setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1000)
})
