/** The program as a child process: its output, its end, and what it holds open. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url))

export interface Program {
  /** Resolves with the address once it is printed; rejects when the program ends before. */
  readonly ready: Promise<string>
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  readonly stdout: () => string
  readonly stderr: () => string
  readonly kill: (signal: NodeJS.Signals) => void
}

/** What the tests of one file started and made; `end` goes into `afterEach`. */
export const makeStage = () => {
  const programs: Array<Program> = []
  const folders: Array<string> = []
  return {
    folder: (): string => {
      const folder = mkdtempSync(join(tmpdir(), "parley-server-"))
      folders.push(folder)
      return folder
    },
    run: (env: Readonly<Record<string, string>>, command: ReadonlyArray<string> = [MAIN]): Program => {
      const program = runProgram(env, command)
      programs.push(program)
      return program
    },
    end: async (): Promise<void> => {
      for (const program of programs.splice(0)) {
        program.kill("SIGKILL")
        await program.exited
      }
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Only what is given and what Node needs: a variable of the developer's shell must not decide a test. */
const runProgram = (env: Readonly<Record<string, string>>, command: ReadonlyArray<string>): Program => {
  const { PATH = "", NODE_OPTIONS = "" } = process.env
  const child = spawn(process.execPath, command, {
    env: { PATH, NODE_OPTIONS, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let stdout = ""
  let stderr = ""
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal }))
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      const address = /^Parley listening on (http:\/\/\S+)\n/u.exec(stdout)?.[1]
      if (address !== undefined) resolve(address)
    })
    void exited.then(() => reject(new Error(`the program ended before it was ready: ${stderr}`)))
  })
  // A test that expects the end never looks at it.
  ready.catch(() => {})
  return { ready, exited, stdout: () => stdout, stderr: () => stderr, kill: (signal) => void child.kill(signal) }
}
