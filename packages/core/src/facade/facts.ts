/**
 * What happened, for whatever follows a write: audit, webhooks, mirrors. Facts of every tenant, in the order of their commits.
 *
 * Delivery is at least once, and where one stands is the caller's to keep: store the position of a fact once it is dealt with, and go on after it.
 */
import * as Effect from "effect/Effect"
import type { EngineError } from "../engine/environment.ts"
import type { OutboxRow, OutboxShape } from "../ports/outbox.ts"
import type { AbortSignalLike } from "./create-chat.ts"

export interface FactsOptions {
  /** The position of the last fact that was dealt with. Default: 0, from the beginning. */
  readonly after?: number
  /** Whether to wait for more at the end, or to end there. Default: true. */
  readonly follow?: boolean
  /** Ends the iteration, also one that waits. */
  readonly signal?: AbortSignalLike
  /** Milliseconds between two looks at the end. Default: 1,000. */
  readonly pollMs?: number
}

type Run = <A>(task: Effect.Effect<A, EngineError>, options?: { readonly signal?: AbortSignalLike }) => Promise<A>

const PAGE = 500
const POLL_MS = 1_000

/** Rejects with a ParleyError when the store fails or the chat closes; then begin again after the last position. */
export async function* readFacts(
  outbox: OutboxShape,
  run: Run,
  { after = 0, follow = true, signal, pollMs = POLL_MS }: FactsOptions = {},
): AsyncGenerator<OutboxRow, void, undefined> {
  const options = signal === undefined ? {} : { signal }
  const ended = (): boolean => signal?.aborted === true
  let position = after
  while (!ended()) {
    try {
      const rows = await run(outbox.read(position, PAGE), options)
      for (const row of rows) {
        if (ended()) return
        yield row
        position = row.position
      }
      if (rows.length > 0) continue
      if (!follow) return
      await run(Effect.sleep(pollMs), options)
    } catch (error) {
      if (!ended()) throw error
    }
  }
}
