/** Starts the writer's thread and speaks with it. */
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import { storageError, type StorageError } from "@parley/core"
import { makeWriteQueue, type WriteQueue } from "./write-queue.ts"
import type { FromWriter, ToWriter, WireResult, WriterOptions } from "./writer-messages.ts"

export interface WriterClient {
  readonly write: WriteQueue["write"]
  /** The newest reading of the store's clock that this thread knows of. */
  readonly now: () => number
  readonly transactions: () => number
  /** Refuses new writes as `closed` and waits for the outcomes of those before. */
  readonly drain: Effect.Effect<void>
  /** Closes the connection and ends the thread; after `drain`. */
  readonly close: Effect.Effect<void>
}

const startThread = (options: WriterOptions): Worker => {
  // From its sources the package runs by Node's type stripping, and the thread must resolve the sources of core too; under a test
  // runner the flags of the process are the runner's own.
  if (import.meta.url.endsWith(".ts"))
    return new Worker(new URL("./writer-thread.ts", import.meta.url), {
      workerData: options,
      execArgv: ["--conditions=@parley/source", "--disable-warning=ExperimentalWarning"],
    })
  return new Worker(new URL("./writer-thread.js", import.meta.url), { workerData: options })
}

/** Fails with what kept the writer from opening the database. */
export const openWriterClient = (file: string, maxWrites: number): Effect.Effect<WriterClient, StorageError> =>
  Effect.callback<WriterClient, StorageError>((resume) => {
    const worker = startThread({ file })
    const post = (message: ToWriter) => worker.postMessage(message)
    let lastNow = 0
    let transactions = 0

    const queue = makeWriteQueue({
      maxWrites,
      send: (writes) => post({ type: "batch", writes: JSON.stringify(writes) }),
      // An open store alone does not keep a process alive; a write that waits for its outcome does.
      onBusy: (busy) => (busy ? worker.ref() : worker.unref()),
    })

    const exited = new Promise<void>((done) => worker.once("exit", () => done()))
    const client: WriterClient = {
      write: queue.write,
      now: () => lastNow,
      transactions: () => transactions,
      drain: Effect.callback<void>((done) => {
        queue.end(storageError("closed", `the store of ${file} was closed`), () => done(Effect.void))
      }),
      close: Effect.promise(() => {
        worker.ref()
        post({ type: "close" })
        return exited
      }),
    }

    worker.on("message", (message: FromWriter) => {
      switch (message.type) {
        case "open":
          worker.unref()
          resume(Effect.succeed(client))
          return
        case "refused":
          resume(Effect.fail(storageError(message.failure.reason, message.failure.message)))
          return
        case "outcomes":
          lastNow = message.now
          transactions = message.transactions
          queue.settle(JSON.parse(message.results) as ReadonlyArray<WireResult>)
      }
    })
    const died = (why: string, cause?: unknown) => {
      const error = storageError("unavailable", `the writer of ${file} ended: ${why}. Open the store again.`, cause)
      queue.fail(error)
      resume(Effect.fail(error))
    }
    worker.on("error", (error) => died(error instanceof Error ? error.message : String(error), error))
    worker.on("exit", (code) => died(`its thread exited with code ${code}`))
  })
