/** Small helpers of the suite of AnswerLeases: one answer, `msg_answer`, in the default room. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { AnswerLeases, type AnswerRef, type Claim, type StorageError } from "@parley/core"
import { answer, commitOk, createRoom, put, ROOM, TENANT } from "../fixtures.ts"

export const ANSWER = "msg_answer"
export const LONG = 3_600_000
export const SHORT = 30

export const refOf = (id: string = ANSWER, conversation: string = ROOM, tenant: string = TENANT): AnswerRef => ({
  tenant,
  conversation,
  answer: id,
})

/** An answer's item and its lease row in one commit. */
export const open = (id: string = ANSWER, fields: Parameters<typeof commitOk>[0] = {}) =>
  commitOk({ puts: [put(answer(id))], leases: [{ answer: id, to: "open" }], ...fields })

export const prepare = Effect.andThen(createRoom(), open())

export const claimed = (claim: Claim | undefined): Claim => {
  Assert.notEqual(claim, undefined, "the claim was refused although no lease runs")
  return claim as Claim
}

/** Tries again until the store's clock has passed the lease. */
export const claimWhenFree = (ref: AnswerRef, leaseMs: number): Effect.Effect<Claim, StorageError, AnswerLeases> =>
  Effect.gen(function* () {
    const leases = yield* AnswerLeases
    for (let tries = 0; tries < 500; tries++) {
      const claim = yield* leases.claim(ref, leaseMs)
      if (claim !== undefined) return claim
      yield* Effect.sleep(10)
    }
    return claimed(undefined)
  })

export const text = (revision: number, words: string) => ({ revision, text: words })
