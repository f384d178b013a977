/** One-time keys inside one process: enough for a single node, and what a chat has when it is given no others. */
import * as Effect from "effect/Effect"
import { oneTimeKeysError, type OneTimeKeysShape } from "../ports/one-time-keys.ts"

/** About 30 MB, and more than anybody's clients ask for in half a minute. */
const MAX_KEYS = 100_000

export const makeLocalKeys = (maxKeys: number = MAX_KEYS): OneTimeKeysShape => {
  const kept = new Map<string, { readonly value: string; readonly until: number }>()
  const now = Effect.clockWith((clock) => Effect.succeed(clock.currentTimeMillisUnsafe()))

  const sweep = (at: number): void => {
    for (const [key, { until }] of kept) if (until <= at) kept.delete(key)
  }
  return {
    put: (key, value, ttlMs) =>
      Effect.flatMap(now, (at) => {
        if (kept.size >= maxKeys) sweep(at)
        if (kept.size >= maxKeys) return Effect.fail(oneTimeKeysError(`${maxKeys} keys are kept already`))
        kept.set(key, { value, until: at + ttlMs })
        return Effect.void
      }),
    take: (key) =>
      Effect.map(now, (at) => {
        const found = kept.get(key)
        kept.delete(key)
        return found !== undefined && at < found.until ? found.value : undefined
      }),
  }
}
