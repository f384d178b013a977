/** AnswerLeases: one owner at a time, told apart by its fence. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { AnswerLeases } from "@parley/core"
import { commitOk, createRoom, message, numbers, put, ROOM, TENANT, type StorageCase } from "../fixtures.ts"
import { ANSWER, claimed, claimWhenFree, LONG, prepare, refOf, SHORT, text } from "./fixtures.ts"

export const ownerCases: ReadonlyArray<StorageCase> = [
  {
    id: "claim.exclusive",
    title: "gives a lease to one of many who claim at the same time",
    run: Effect.gen(function* () {
      yield* prepare
      const leases = yield* AnswerLeases
      const claims = yield* Effect.forEach(numbers(1, 20), () => leases.claim(refOf(), LONG), { concurrency: "unbounded" })
      Assert.deepEqual(
        claims.filter((each) => each !== undefined).map((each) => each.fence),
        [1],
      )
      Assert.equal(yield* leases.claim(refOf(), LONG), undefined, "nor to anybody while it runs")
      Assert.deepEqual(yield* leases.expired(10), [])
    }),
  },
  {
    id: "claim.unknown",
    title: "gives nothing for an answer without a row, or with a row elsewhere",
    run: Effect.gen(function* () {
      yield* prepare
      yield* createRoom("room_2")
      yield* createRoom(ROOM, { tenant: "other" })
      const leases = yield* AnswerLeases
      for (const ref of [refOf("msg_none"), refOf(ANSWER, "room_2"), refOf(ANSWER, ROOM, "other"), refOf(ANSWER, "room_none")]) {
        Assert.equal(yield* leases.claim(ref, LONG), undefined)
        Assert.equal(yield* leases.renew(ref, 1, LONG), "lost")
        yield* leases.release(ref, 1)
      }
      Assert.equal((yield* leases.open("other", ROOM)).length, 0)
      Assert.equal((yield* leases.claim(refOf(), LONG))?.fence, 1)
    }),
  },
  {
    id: "claim.takeover",
    title: "passes on with a greater fence and the stored text once the lease has run out",
    run: Effect.gen(function* () {
      yield* prepare
      const leases = yield* AnswerLeases
      claimed(yield* leases.claim(refOf(), SHORT))
      Assert.equal(yield* leases.renew(refOf(), 1, SHORT, text(1, "so far")), "held")
      const second = yield* claimWhenFree(refOf(), LONG)
      Assert.deepEqual(second, { fence: 2, checkpoint: text(1, "so far"), stopping: false })
      Assert.equal(yield* leases.renew(refOf(), 1, LONG, text(1, "late")), "lost", "the first owner has lost it")
      yield* leases.release(refOf(), 1)
      Assert.equal(yield* leases.claim(refOf(), LONG), undefined, "and can give nothing away")
      Assert.equal(yield* leases.renew(refOf(), 3, LONG, text(9, "future")), "lost", "a fence of nobody owns nothing")
      Assert.deepEqual((yield* leases.open(TENANT, ROOM))[0]?.checkpoint, text(1, "so far"))
    }),
  },
  {
    id: "claim.fence-grows",
    title: "gives each claim a greater fence",
    run: Effect.gen(function* () {
      yield* prepare
      const leases = yield* AnswerLeases
      let last = 0
      for (let n = 0; n < 5; n++) {
        const { fence } = claimed(yield* leases.claim(refOf(), LONG))
        Assert.ok(fence > last, `fence ${fence} follows ${last}`)
        last = fence
        yield* leases.release(refOf(), fence)
      }
    }),
  },
  {
    id: "renew.holds",
    title: "keeps a lease for as long as it is renewed",
    run: Effect.gen(function* () {
      yield* prepare
      const leases = yield* AnswerLeases
      const { fence } = claimed(yield* leases.claim(refOf(), SHORT))
      Assert.equal(yield* leases.renew(refOf(), fence, LONG), "held")
      // Well past the first lease: without the renewal it would be free by now.
      yield* Effect.sleep(SHORT * 3)
      Assert.equal(yield* leases.claim(refOf(), LONG), undefined)
      Assert.deepEqual(yield* leases.expired(10), [])
    }),
  },
  {
    id: "renew.checkpoint",
    title: "stores the checkpoint it is given and keeps the last one when given none",
    run: Effect.gen(function* () {
      const words = "Zwölf 😀 \ufeff' \" \\ " + "x".repeat(20_000)
      yield* prepare
      const before = (yield* commitOk({ puts: [put(message("msg_1"))] })).head
      const leases = yield* AnswerLeases
      const { fence } = claimed(yield* leases.claim(refOf(), LONG))
      for (const checkpoint of [text(1, "a"), text(1, "ab"), text(2, ""), text(2, words)]) {
        Assert.equal(yield* leases.renew(refOf(), fence, LONG, checkpoint), "held")
        Assert.deepEqual((yield* leases.open(TENANT, ROOM))[0]?.checkpoint, checkpoint)
      }
      Assert.equal(yield* leases.renew(refOf(), fence, LONG), "held")
      yield* leases.release(refOf(), fence)
      Assert.deepEqual((yield* leases.claim(refOf(), LONG))?.checkpoint, text(2, words))
      const after = (yield* commitOk({ puts: [put(message("msg_2"))] })).head
      Assert.equal(after.change, before.change + 1, "leases take no change of the conversation")
    }),
  },
  {
    id: "renew.stopping",
    title: "tells the owner of a stop, and a later owner too",
    run: Effect.gen(function* () {
      yield* prepare
      const leases = yield* AnswerLeases
      const { fence } = claimed(yield* leases.claim(refOf(), LONG))
      yield* commitOk({ leases: [{ answer: ANSWER, to: "stopping" }] })
      Assert.equal(yield* leases.renew(refOf(), fence, LONG, text(1, "until then")), "stopping")
      Assert.deepEqual(yield* leases.open(TENANT, ROOM), [{ answer: ANSWER, checkpoint: text(1, "until then"), stopping: true }])
      yield* leases.release(refOf(), fence)
      Assert.equal((yield* leases.claim(refOf(), LONG))?.stopping, true)
    }),
  },
  {
    id: "release.frees",
    title: "ends a lease at once, for its owner only, and keeps the row",
    run: Effect.gen(function* () {
      yield* prepare
      const leases = yield* AnswerLeases
      const { fence } = claimed(yield* leases.claim(refOf(), LONG))
      yield* leases.release(refOf(), fence + 1)
      yield* leases.release(refOf(), 0)
      Assert.equal(yield* leases.claim(refOf(), LONG), undefined)
      yield* leases.renew(refOf(), fence, LONG, text(3, "kept"))
      yield* leases.release(refOf(), fence)
      Assert.deepEqual(yield* leases.expired(10), [refOf()])
      Assert.deepEqual(claimed(yield* leases.claim(refOf(), LONG)).checkpoint, text(3, "kept"))
    }),
  },
]
