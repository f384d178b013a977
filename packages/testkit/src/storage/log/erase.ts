/** ConversationLog: what a commit with `erase` leaves, which is its facts and nothing else. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { AnswerLeases, CONVERSATION_TYPES, ConversationLog, MEMBER_STATUSES, Outbox } from "@parley/core"
import {
  ALL,
  answer,
  commit,
  commitOk,
  conversation,
  createRoom,
  everything,
  expectOutcome,
  member,
  message,
  put,
  ROOM,
  send,
  TENANT,
  type StorageCase,
} from "../fixtures.ts"

const filled = Effect.gen(function* () {
  yield* createRoom(ROOM, { key: { scope: "ann", id: "create", request: "r", tenantWide: true } })
  yield* send("msg_1", { key: { scope: "ann", id: "c1", request: "hello" }, outbox: [{ type: "message_sent", itemId: "msg_1" }] })
  yield* commitOk({ puts: [put(answer("msg_answer"))], leases: [{ answer: "msg_answer", to: "open" }] })
})

const erase = commitOk({ erase: true, outbox: [{ type: "conversation_deleted", actor: "ann" }] })

export const eraseCases: ReadonlyArray<StorageCase> = [
  {
    id: "erase.reads",
    title: "finds nothing of an erased conversation on any read",
    run: Effect.gen(function* () {
      yield* filled
      yield* erase
      const log = yield* ConversationLog
      const at = { tenant: TENANT, conversation: ROOM }
      Assert.equal(yield* log.get({ ...at, items: [ROOM, "msg_1"] }), undefined)
      Assert.equal(yield* log.changes({ ...at, after: 0, ...ALL }), undefined)
      Assert.equal(yield* log.history({ ...at, from: 1, ...ALL }), undefined)
      Assert.equal(yield* log.members({ ...at, limit: 10 }), undefined)
      Assert.deepEqual((yield* log.heads([at])).heads, [])
      const query = { tenant: TENANT, userId: "ann", types: CONVERSATION_TYPES, statuses: MEMBER_STATUSES, limit: 10 }
      Assert.deepEqual((yield* log.list(query)).entries, [])
      Assert.deepEqual(yield* log.idle({ type: "group", idleMs: 0, limit: 10 }), [])
    }),
  },
  {
    id: "erase.leases",
    title: "takes the leases with it, so that nobody generates for a conversation that is gone",
    run: Effect.gen(function* () {
      yield* filled
      const leases = yield* AnswerLeases
      const ref = { tenant: TENANT, conversation: ROOM, answer: "msg_answer" }
      yield* commitOk({ puts: [put(answer("msg_waits"))], leases: [{ answer: "msg_waits", to: "open" }] })
      const claim = yield* leases.claim(ref, 60_000)
      Assert.equal(claim?.fence, 1)
      Assert.deepEqual(yield* leases.expired(10), [{ ...ref, answer: "msg_waits" }])
      yield* erase
      Assert.equal(yield* leases.renew(ref, 1, 60_000, { revision: 1, text: "late" }), "lost")
      Assert.equal(yield* leases.claim(ref, 60_000), undefined)
      Assert.deepEqual(yield* leases.expired(10), [])
      Assert.deepEqual(yield* leases.open(TENANT, ROOM), [])
    }),
  },
  {
    id: "erase.keys",
    title: "takes the keys with it, those of the whole tenant too",
    run: Effect.gen(function* () {
      yield* filled
      yield* erase
      const late = yield* commit({ puts: [put(message("msg_1"))], key: { scope: "ann", id: "c1", request: "hello" } })
      Assert.deepEqual(late, { outcome: "missing", itemId: ROOM })
      yield* createRoom("room_2", { key: { scope: "ann", id: "create", request: "r", tenantWide: true } })
    }),
  },
  {
    id: "erase.facts",
    title: "keeps the facts, that of the erasure included",
    run: Effect.gen(function* () {
      yield* filled
      yield* erase
      const rows = yield* Outbox.use((outbox) => outbox.read(0, 100))
      Assert.deepEqual(
        rows.map((row) => [row.type, row.conversation]),
        [
          ["message_sent", ROOM],
          ["conversation_deleted", ROOM],
        ],
      )
    }),
  },
  {
    id: "erase.id-used",
    title: "never makes a conversation of an erased id again",
    run: Effect.gen(function* () {
      yield* filled
      yield* erase
      // Nobody can be shown what stands in the way, so that the contract leaves open which refusal it is.
      Assert.notEqual((yield* commit({ puts: [put(conversation()), put(member("ann"))] })).outcome, "ok")
      Assert.deepEqual(yield* commit({ erase: true }), { outcome: "missing", itemId: ROOM })
      const log = yield* ConversationLog
      Assert.equal(yield* log.changes({ tenant: TENANT, conversation: ROOM, after: 0, ...ALL }), undefined)
      yield* createRoom(ROOM, { tenant: "other" })
    }),
  },
  {
    id: "erase.others",
    title: "leaves every other conversation alone",
    run: Effect.gen(function* () {
      yield* filled
      yield* createRoom("room_2")
      yield* createRoom(ROOM, { tenant: "other" })
      yield* send("msg_1", { conversation: "room_2", key: { scope: "ann", id: "c1", request: "hello" } })
      const before = [yield* everything({ conversation: "room_2" }), yield* everything({ tenant: "other" })]
      yield* erase
      Assert.deepEqual([yield* everything({ conversation: "room_2" }), yield* everything({ tenant: "other" })], before)
      expectOutcome(yield* commit({ conversation: "room_2", key: { scope: "ann", id: "c1", request: "hello" } }), "repeat")
    }),
  },
  {
    id: "erase.refused",
    title: "erases nothing when the commit is refused",
    run: Effect.gen(function* () {
      yield* filled
      const before = yield* everything()
      expectOutcome(yield* commit({ erase: true, expectAccess: 9 }), "stale_access")
      Assert.deepEqual(yield* everything(), before)
    }),
  },
]
