/**
 * Values that can be fetched once, for a short time: behind tickets, and whatever else must not be used twice.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

export interface OneTimeKeysError {
  readonly _tag: "OneTimeKeysError"
  /** For the log; neither key nor value. */
  readonly message: string
}

export const oneTimeKeysError = (message: string): OneTimeKeysError => ({ _tag: "OneTimeKeysError", message })

/**
 * Contract:
 *
 * - `put` keeps `value` under `key` for `ttlMs` milliseconds. Keys are random and never put twice.
 * - `take` returns the value and forgets it in one step: of callers who take one key at the same time, on any node, one gets it. Unknown,
 *   taken and expired keys are `undefined`; a key never outlives its time, to the millisecond of the keeper's clock.
 * - Values may be lost, as in a restart. Nothing is ever given twice.
 * - Where keys are bounded in number, `put` fails when there is no room: it forgets none that still holds.
 */
export interface OneTimeKeysShape {
  readonly put: (key: string, value: string, ttlMs: number) => Effect.Effect<void, OneTimeKeysError>
  readonly take: (key: string) => Effect.Effect<string | undefined, OneTimeKeysError>
}

export class OneTimeKeys extends Context.Service<OneTimeKeys, OneTimeKeysShape>()("parley/OneTimeKeys") {}
