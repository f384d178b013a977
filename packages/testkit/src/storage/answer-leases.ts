/** AnswerLeases: one owner at a time, told apart by its fence, and rows that live and die with commits of the log. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { AnswerLeases, type AnswerRef, type Claim, type StorageError } from "@parley/core"
import {
  answer,
  commit,
  commitOk,
  createRoom,
  expectOutcome,
  message,
  numbers,
  put,
  ROOM,
  TENANT,
  type StorageCase,
} from "./fixtures.ts"

const ANSWER = "msg_answer"
const LONG = 3_600_000
const SHORT = 30

const refOf = (id: string = ANSWER, conversation: string = ROOM, tenant: string = TENANT): AnswerRef => ({
  tenant,
  conversation,
  answer: id,
})

/** An answer's item and its lease row in one commit. */
const open = (id: string = ANSWER, fields: Parameters<typeof commitOk>[0] = {}) =>
  commitOk({ puts: [put(answer(id))], leases: [{ answer: id, to: "open" }], ...fields })

const prepare = Effect.andThen(createRoom(), open())

const claimed = (claim: Claim | undefined): Claim => {
  Assert.notEqual(claim, undefined, "the claim was refused although no lease runs")
  return claim as Claim
}

/** Tries again until the store's clock has passed the lease. */
const claimWhenFree = (ref: AnswerRef, leaseMs: number): Effect.Effect<Claim, StorageError, AnswerLeases> =>
  Effect.gen(function* () {
    const leases = yield* AnswerLeases
    for (let tries = 0; tries < 500; tries++) {
      const claim = yield* leases.claim(ref, leaseMs)
      if (claim !== undefined) return claim
      yield* Effect.sleep(10)
    }
    return claimed(undefined)
  })

const text = (revision: number, words: string) => ({ revision, text: words })

export const answerLeasesCases: ReadonlyArray<StorageCase> = [
  {
    id: "lease.born",
    title: "is born with the answer's commit, already run out, without text",
    run: Effect.gen(function* () {
      yield* prepare
      const leases = yield* AnswerLeases
      Assert.deepEqual(yield* leases.expired(10), [refOf()])
      Assert.deepEqual(yield* leases.open(TENANT, ROOM), [{ answer: ANSWER, checkpoint: text(0, ""), stopping: false }])
      Assert.deepEqual(yield* leases.claim(refOf(), LONG), { fence: 1, checkpoint: text(0, ""), stopping: false })
    }),
  },
  {
    id: "lease.not-born",
    title: "is not born of a refused commit",
    run: Effect.gen(function* () {
      yield* createRoom()
      const leases = yield* AnswerLeases
      const refused = yield* commit({ puts: [put(answer(ANSWER))], leases: [{ answer: ANSWER, to: "open" }], expectAccess: 9 })
      expectOutcome(refused, "stale_access")
      Assert.deepEqual(yield* leases.expired(10), [])
      Assert.equal(yield* leases.claim(refOf(), LONG), undefined)
    }),
  },
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
  {
    id: "close.with-item",
    title: "goes with the commit that ends the answer, and not with one that is refused",
    run: Effect.gen(function* () {
      yield* prepare
      const leases = yield* AnswerLeases
      const { fence } = claimed(yield* leases.claim(refOf(), LONG))
      const end = { puts: [put(message(ANSWER, "the end"), 3)], leases: [{ answer: ANSWER, to: "closed" as const }] }
      expectOutcome(yield* commit({ ...end, fence: { answer: ANSWER, fence: fence + 1 } }), "fenced")
      expectOutcome(yield* commit({ ...end, puts: [put(message(ANSWER), 2)], fence: { answer: ANSWER, fence } }), "conflict")
      Assert.equal(yield* leases.renew(refOf(), fence, LONG), "held")
      yield* commitOk({ ...end, fence: { answer: ANSWER, fence } })
      Assert.equal(yield* leases.renew(refOf(), fence, LONG), "lost")
      Assert.equal(yield* leases.claim(refOf(), LONG), undefined)
      Assert.deepEqual([yield* leases.open(TENANT, ROOM), yield* leases.expired(10)], [[], []])
    }),
  },
  {
    id: "fence.older-owner",
    title: "refuses the commit of an owner whose answer another one has taken over, also of one that is over",
    run: Effect.gen(function* () {
      yield* prepare
      const leases = yield* AnswerLeases
      const first = claimed(yield* leases.claim(refOf(), LONG)).fence
      yield* leases.release(refOf(), first)
      const second = claimed(yield* leases.claim(refOf(), LONG)).fence
      const end = (fence: number, words: string) => ({
        puts: [put(message(ANSWER, words), 3)],
        leases: [{ answer: ANSWER, to: "closed" as const }],
        fence: { answer: ANSWER, fence },
      })
      expectOutcome(yield* commit(end(first, "first")), "fenced")
      yield* commitOk(end(second, "second"))
      expectOutcome(yield* commit(end(second, "again")), "fenced")
      expectOutcome(yield* commit(end(0, "nobody")), "fenced")
    }),
  },
  {
    id: "expired.order",
    title: "names what has run out, oldest first, across tenants, at most as many as asked for",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* createRoom(ROOM, { tenant: "other" })
      const leases = yield* AnswerLeases
      const born = ["msg_b", "msg_a", "msg_d", "msg_c"]
      for (const [index, id] of born.entries()) {
        yield* Effect.sleep(3)
        yield* open(id, index % 2 === 0 ? {} : { tenant: "other" })
      }
      const refs = born.map((id, index) => refOf(id, ROOM, index % 2 === 0 ? TENANT : "other"))
      Assert.deepEqual(yield* leases.expired(10), refs)
      Assert.deepEqual(yield* leases.expired(2), refs.slice(0, 2))
      const [oldest, ...others] = refs as [AnswerRef, ...Array<AnswerRef>]
      const { fence } = claimed(yield* leases.claim(oldest, LONG))
      Assert.deepEqual(yield* leases.expired(10), others)
      yield* Effect.sleep(3)
      yield* leases.release(oldest, fence)
      Assert.deepEqual(yield* leases.expired(10), [...others, oldest], "what ran out last stands last")
    }),
  },
  {
    id: "open.one-conversation",
    title: "names the open answers of one conversation",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* createRoom("room_2")
      yield* open("msg_a")
      yield* open("msg_b")
      yield* open("msg_c", { conversation: "room_2" })
      const leases = yield* AnswerLeases
      const ids = (at: string) => Effect.map(leases.open(TENANT, at), (all) => all.map((each) => each.answer).toSorted())
      Assert.deepEqual(yield* ids(ROOM), ["msg_a", "msg_b"])
      Assert.deepEqual(yield* ids("room_2"), ["msg_c"])
      Assert.deepEqual(yield* ids("room_none"), [])
    }),
  },
]
