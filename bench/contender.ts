/** A server under measurement, as a process of its own. */
import { type ChildProcess, fork } from "node:child_process"

export interface Usage {
  /** CPU of user and system since the start, microseconds. */
  readonly cpu: number
  readonly rss: number
  readonly heap: number
}

export interface Contender {
  readonly name: string
  readonly port: number
  /** Asks the process itself; `collect` runs its garbage collector first. */
  readonly usage: (collect?: boolean) => Promise<Usage>
  readonly tell: (message: string) => Promise<void>
  readonly end: () => void
}

export const startContender = async (name: string, file: string, args: ReadonlyArray<string> = []): Promise<Contender> => {
  const child: ChildProcess = fork(new URL(`./servers/${file}`, import.meta.url), args, {
    execArgv: ["--conditions=@parley/source", "--disable-warning=ExperimentalWarning", "--expose-gc"],
  })
  const next = <A>(): Promise<A> =>
    new Promise((resolve, reject) => {
      child.once("message", resolve as (message: unknown) => void)
      child.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)))
    })
  const { port } = await next<{ readonly port: number }>()
  child.setMaxListeners(0)
  return {
    name,
    port,
    usage: (collect = false) => {
      const answer = next<Usage>()
      child.send(collect ? "collect" : "usage")
      return answer
    },
    tell: async (message) => {
      const answer = next<unknown>()
      child.send(message)
      await answer
    },
    end: () => void child.kill("SIGKILL"),
  }
}
