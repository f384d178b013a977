/** The real server as a process of its own, to be killed. */
import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url))
const FLAGS = ["--conditions=@parley/source", "--disable-warning=ExperimentalWarning"]

export interface ServerProcess {
  readonly child: ChildProcess
  readonly base: string
  /** Ends it without a chance to say goodbye, and waits until it is gone. */
  readonly kill: () => Promise<void>
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { readonly port: number }
      probe.close(() => resolve(port))
    })
  })

/** `before` is a command the server runs under, such as strace. */
export const startServer = (input: {
  readonly port: number
  readonly directory: string
  readonly before?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
}): Promise<ServerProcess> =>
  new Promise((resolve, reject) => {
    const command = [...(input.before ?? []), process.execPath, ...FLAGS, MAIN]
    const child = spawn(command[0] as string, command.slice(1), {
      env: { ...process.env, PORT: String(input.port), PARLEY_DATA_DIR: input.directory, LOG_LEVEL: "warn", ...input.env },
      stdio: ["ignore", "pipe", "pipe"],
    })
    let said = ""
    let failed = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => (failed += text))
    child.once("exit", (code, signal) =>
      reject(new Error(`the server ended with ${code ?? signal} before it was ready: ${failed}`)),
    )
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text
      const base = /^Parley listening on (http:\S+)\n/u.exec(said)?.[1]
      if (base === undefined) return
      resolve({
        child,
        base,
        kill: () =>
          new Promise((gone) => {
            if (child.exitCode !== null || child.signalCode !== null) return gone()
            child.once("exit", () => gone())
            child.kill("SIGKILL")
          }),
      })
    })
  })
