/** Faults of `OneTimeKeys`. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { makeLocalKeys, OneTimeKeys } from "@parley/core"
import type { Broken } from "./broken.ts"

type Keys = OneTimeKeys["Service"]

const brokenKeys = (
  fault: string,
  caughtBy: ReadonlyArray<string>,
  change: (sound: Keys) => Partial<Keys>,
): Broken<OneTimeKeys> => ({
  fault,
  caughtBy,
  layer: () =>
    Layer.sync(OneTimeKeys, () => {
      const sound = makeLocalKeys()
      return { ...sound, ...change(sound) }
    }),
})

export const brokenOneTimeKeys: ReadonlyArray<Broken<OneTimeKeys>> = [
  brokenKeys("keeps what was taken", ["keys.once", "keys.one-taker"], (sound) => ({
    take: (key) =>
      Effect.tap(sound.take(key), (value) => (value === undefined ? Effect.void : Effect.orDie(sound.put(key, value, 60_000)))),
  })),
  brokenKeys("folds the case of keys", ["keys.unknown"], (sound) => ({
    put: (key, value, ttlMs) => sound.put(key.toLowerCase(), value, ttlMs),
    take: (key) => sound.take(key.toLowerCase()),
  })),
  brokenKeys("looks first and deletes later", ["keys.one-taker"], () => {
    const kept = new Map<string, string>()
    return {
      put: (key, value) => Effect.sync(() => void kept.set(key, value)),
      take: (key) =>
        Effect.gen(function* () {
          const value = kept.get(key)
          yield* Effect.yieldNow
          kept.delete(key)
          return value
        }),
    }
  }),
  brokenKeys("never forgets by itself", ["keys.expiry"], (sound) => ({
    put: (key, value) => sound.put(key, value, 3_600_000),
  })),
]
