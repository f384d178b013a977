/** OneTimeKeys: a value comes out once, in its time, and to one caller. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { OneTimeKeys } from "@parley/core"
import type { Case } from "../conformance/case.ts"

const MINUTE = 60_000
const put = (key: string, value: string, ttlMs = MINUTE) => OneTimeKeys.use((keys) => keys.put(key, value, ttlMs))
const take = (key: string) => OneTimeKeys.use((keys) => keys.take(key))

export const oneTimeKeysCases: ReadonlyArray<Case<OneTimeKeys>> = [
  {
    id: "keys.once",
    title: "gives a value once, unchanged",
    run: Effect.gen(function* () {
      for (const value of ["", "a value", '{"quoted":"\\u0000"}', "😀 __proto__", "x".repeat(4_000)]) {
        yield* put("tkt_1", value)
        Assert.equal(yield* take("tkt_1"), value)
        Assert.equal(yield* take("tkt_1"), undefined, "the value came a second time")
      }
    }),
  },
  {
    id: "keys.unknown",
    title: "gives nothing for a key that nobody put, and keeps similar keys apart",
    run: Effect.gen(function* () {
      yield* put("tkt_a", "of a")
      yield* put("tkt_A", "of A")
      for (const key of ["tkt_", "tkt_a ", "tkt_ab", "__proto__", "constructor", "*"]) Assert.equal(yield* take(key), undefined)
      Assert.equal(yield* take("tkt_A"), "of A")
      Assert.equal(yield* take("tkt_a"), "of a")
    }),
  },
  {
    id: "keys.one-taker",
    title: "gives a value to one of those who take it at the same time",
    run: Effect.gen(function* () {
      for (let n = 0; n < 20; n++) {
        yield* put(`tkt_${n}`, "mine")
        const taken = yield* Effect.forEach([1, 2, 3, 4, 5], () => take(`tkt_${n}`), { concurrency: "unbounded" })
        Assert.deepEqual(
          taken.filter((value) => value !== undefined),
          ["mine"],
        )
      }
    }),
  },
  {
    id: "keys.expiry",
    title: "gives nothing after a key's time, whatever time others have",
    run: Effect.gen(function* () {
      yield* put("tkt_long", "long")
      yield* put("tkt_short", "short", 20)
      // By the keeper's own clock, which nothing here can move.
      yield* Effect.sleep(60)
      Assert.equal(yield* take("tkt_short"), undefined)
      Assert.equal(yield* take("tkt_long"), "long")
    }),
  },
]
