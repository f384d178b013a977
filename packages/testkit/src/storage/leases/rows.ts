/** AnswerLeases: rows live and die with commits of the log, and are found when nobody owns them. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { AnswerLeases, type AnswerRef } from "@parley/core"
import { answer, commit, commitOk, createRoom, expectOutcome, message, put, ROOM, TENANT, type StorageCase } from "../fixtures.ts"
import { ANSWER, claimed, LONG, open, prepare, refOf, text } from "./fixtures.ts"

export const rowCases: ReadonlyArray<StorageCase> = [
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
