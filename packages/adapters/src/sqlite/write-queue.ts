/**
 * Group commit, the main thread's half: collects writes and hands them to the writer's thread in batches, in the order they
 * were issued.
 *
 * A batch is sent when the writer is free, at the end of the tick that issued its first write, so that the writes of
 * one tick share a transaction. While a batch runs everything issued gathers, and goes out as the next one the moment the outcomes are
 * here: under load the fsync itself sets the size of the batches, and nobody waits for a timer.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { storageError, type StorageError } from "@parley/core"
import type { WireResult, WireWrite } from "./writer-messages.ts"

/** A batch ends with the write that reaches either. */
const MAX_CHARACTERS = 1 << 20
export const MAX_WRITES = 256
/** How many outcomes are handed out before the writer, if free, gets the writes that they led to. */
const AHEAD = 32

interface Waiting {
  readonly write: WireWrite
  readonly size: number
  readonly done: (result: Exit.Exit<WireResult, StorageError>) => void
}

export interface WriteQueue {
  readonly write: (write: WireWrite, size: number) => Effect.Effect<WireResult, StorageError>
  /** The outcomes of the batch that was sent last. */
  readonly settle: (results: ReadonlyArray<WireResult>) => void
  /** Fails everything that waits, and every later write. */
  readonly fail: (error: StorageError) => void
  /** Refuses later writes with `error`; runs `whenEmpty` once all earlier ones have their outcome. */
  readonly end: (error: StorageError, whenEmpty: () => void) => void
}

export interface WriteQueueOptions {
  /** Hands a batch to the writer, which answers through `settle` before it gets the next. */
  readonly send: (writes: ReadonlyArray<WireWrite>) => void
  /** Told when the queue begins to wait for the writer, and when nothing is left to wait for. */
  readonly onBusy: (busy: boolean) => void
  readonly maxWrites: number
}

export const makeWriteQueue = ({ send, onBusy, maxWrites }: WriteQueueOptions): WriteQueue => {
  let waiting: Array<Waiting> = []
  let running: ReadonlyArray<Waiting> = []
  let scheduled = false
  let busy = false
  let refusal: StorageError | undefined
  let whenEmpty: (() => void) | undefined

  const takeBatch = (): ReadonlyArray<Waiting> => {
    let count = 0
    for (let size = 0; count < waiting.length && count < maxWrites && size < MAX_CHARACTERS; count++)
      size += (waiting[count] as Waiting).size
    const batch = count === waiting.length ? waiting : waiting.slice(0, count)
    waiting = count === waiting.length ? [] : waiting.slice(count)
    return batch
  }

  const sendNext = (): void => {
    scheduled = false
    if (running.length > 0 || waiting.length === 0) return
    running = takeBatch()
    send(running.map((entry) => entry.write))
  }

  const restIfDone = (): void => {
    if (scheduled || running.length > 0 || waiting.length > 0) return
    // Once: a caller that got its outcome may have closed the store, and then waits for the writer to end.
    if (busy) onBusy(false)
    busy = false
    whenEmpty?.()
    whenEmpty = undefined
  }

  return {
    write: (write, size) =>
      Effect.callback<WireResult, StorageError>((resume) => {
        if (refusal !== undefined) {
          resume(Effect.fail(refusal))
          return
        }
        waiting.push({ write, size, done: resume })
        if (scheduled || running.length > 0) return
        scheduled = true
        if (!busy) onBusy(true)
        busy = true
        setImmediate(() => {
          sendNext()
          // When the writer died in this tick, nothing was left to send.
          restIfDone()
        })
      }),
    settle: (results) => {
      const settled = running
      running = []
      // First the next batch, then the callers: the writer works while they digest their outcomes.
      sendNext()
      for (const [index, { done }] of settled.entries()) {
        // A caller that writes again at once need not wait for the others: a free writer begins with what is there.
        if (index % AHEAD === 0 && index > 0 && waiting.length > 0) sendNext()
        const result = results[index]
        if (result === undefined) done(Exit.fail(storageError("internal", "the writer gave fewer outcomes than it got writes")))
        else if (result.failure === undefined) done(Exit.succeed(result))
        else done(Exit.fail(storageError(result.failure.reason, result.failure.message)))
      }
      restIfDone()
    },
    fail: (error) => {
      refusal ??= error
      const failed = [...running, ...waiting]
      running = []
      waiting = []
      for (const { done } of failed) done(Exit.fail(error))
      restIfDone()
    },
    end: (error, then) => {
      refusal ??= error
      whenEmpty = then
      restIfDone()
    },
  }
}
