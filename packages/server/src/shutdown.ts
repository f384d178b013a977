/**
 * The end of the process. The first signal drains: readiness turns false, clients are asked to move at times spread over seconds, answers
 * end or pass on by their lease, then everything closes. A second signal ends at once.
 */
import { describeError, type Log } from "./logging.ts"
import type { Running } from "./start.ts"

/** From the signal to the end, whatever happens. Orchestrators commonly kill after 30 s. */
const DEADLINE_MS = 25_000
/** A supervisor that signals a whole process group reaches this process twice, when a parent passes the signal on: that is one wish, not two. */
const ECHO_MS = 500

export interface Shutdown {
  readonly stopping: () => boolean
  /** From here on a signal drains this server; one that came during the start does so now. */
  readonly serve: (running: Running) => void
}

export const stopOnSignals = (log: Log): Shutdown => {
  let firstAt: number | undefined
  let running: Running | undefined

  const stop = async ({ chat, http }: Running): Promise<void> => {
    const connections = chat.gateway.connections()
    log.write("info", "stopping; a second signal ends at once", { connections })
    const deadline = setTimeout(() => {
      log.write("error", "stopping took too long; ending now", { afterMs: DEADLINE_MS })
      process.exit(1)
    }, DEADLINE_MS)
    deadline.unref()
    try {
      await chat.drain()
      await http.close()
      await chat.close()
    } catch (error) {
      log.write("error", "stopping failed", describeError(error))
      process.exit(1)
    }
    log.write("info", "stopped")
    process.exit(0)
  }

  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAt !== undefined) {
      if (performance.now() - firstAt < ECHO_MS) return
      log.write("warn", "ending at once", { signal })
      process.exit(1)
    }
    firstAt = performance.now()
    if (running !== undefined) void stop(running)
  }
  process.on("SIGTERM", onSignal)
  process.on("SIGINT", onSignal)

  return {
    stopping: () => firstAt !== undefined,
    serve: (started) => {
      running = started
      if (firstAt !== undefined) void stop(started)
    },
  }
}
