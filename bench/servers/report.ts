/** What every contender answers to the process that measures it. */
import { setTimeout as pause } from "node:timers/promises"

const collector = (globalThis as { readonly gc?: () => void }).gc

/** `tasks` are what the measuring process may ask for by name. */
export const report = (port: number, tasks: Readonly<Record<string, () => Promise<void>>> = {}): void => {
  process.on("message", (message: string) => {
    void (async () => {
      if (message === "collect") {
        for (let i = 0; i < 3; i++) {
          collector?.()
          await pause(20)
        }
      }
      await tasks[message]?.()
      const { user, system } = process.cpuUsage()
      const { rss, heapUsed } = process.memoryUsage()
      process.send?.({ cpu: user + system, rss, heap: heapUsed })
    })()
  })
  process.send?.({ port })
}
