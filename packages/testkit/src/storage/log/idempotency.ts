/** ConversationLog: a commit with a key happens once. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { ConversationLog, type CommitKey } from "@parley/core"
import {
  commit,
  commitOk,
  conversation,
  createRoom,
  everything,
  expectOutcome,
  message,
  numbers,
  put,
  ROOM,
  send,
  TENANT,
  type StorageCase,
} from "../fixtures.ts"

const key = (over: Partial<CommitKey> = {}): CommitKey => ({ scope: "ann", id: "c1", request: "send hello", ...over })
const FIRST = [{ itemId: "msg_1", change: 3, seq: 1 }]
const repeat = (same: boolean) => ({ outcome: "repeat", same, conversation: ROOM, committed: FIRST })

export const idempotencyCases: ReadonlyArray<StorageCase> = [
  {
    id: "key.repeat",
    title: "recognises a repeat and reports what the first commit became",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* send("msg_1", { key: key() })
      // A retry has a new message id: the server made it.
      Assert.deepEqual(yield* commit({ puts: [put(message("msg_retry"))], key: key() }), repeat(true))
      Assert.equal((yield* everything()).head.change, 3)
    }),
  },
  {
    id: "key.several-puts",
    title: "reports every put of the first commit, a seq only for messages",
    run: Effect.gen(function* () {
      yield* commitOk({ puts: [put(conversation()), put(message("msg_1")), put(message("msg_2"))], key: key() })
      Assert.deepEqual(yield* commit({ puts: [], key: key() }), {
        outcome: "repeat",
        same: true,
        conversation: ROOM,
        committed: [
          { itemId: ROOM, change: 1 },
          { itemId: "msg_1", change: 2, seq: 1 },
          { itemId: "msg_2", change: 3, seq: 2 },
        ],
      })
    }),
  },
  {
    id: "key.concurrent",
    title: "lets one of many equal commits through, and tells the others its numbers",
    run: Effect.gen(function* () {
      yield* createRoom()
      const outcomes = yield* Effect.forEach(numbers(1, 12), (n) => commit({ puts: [put(message(`msg_try${n}`))], key: key() }), {
        concurrency: "unbounded",
      })
      const done = outcomes.filter((each) => each.outcome === "ok")
      Assert.equal(done.length, 1, `${done.length} of the equal commits were ok`)
      const committed = done.flatMap((each) => each.items.map(({ id, change }) => ({ itemId: id, change, seq: 1 })))
      for (const each of outcomes)
        if (each.outcome !== "ok") Assert.deepEqual(each, { outcome: "repeat", same: true, conversation: ROOM, committed })
      Assert.equal((yield* everything()).head.change, 3)
    }),
  },
  {
    id: "key.after-edit",
    title: "recognises a repeat after the item was edited, deleted, and access was taken away",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* send("msg_1", { key: key() })
      yield* commitOk({ puts: [put(message("msg_1", "edited"), 3)] })
      yield* commitOk({ puts: [put({ ...message("msg_1"), parts: [], deleted: { by: "ann" } }, 4)], revokes: true })
      const outcome = yield* commit({ puts: [put(message("msg_1"))], key: key(), expectAccess: 1 })
      Assert.deepEqual(outcome, repeat(true), "the numbers are those of the first commit")
    }),
  },
  {
    id: "key.other-request",
    title: "says so when the key was used for another request",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* send("msg_1", { key: key() })
      Assert.deepEqual(yield* commit({ puts: [put(message("msg_2"))], key: key({ request: "send hello " }) }), repeat(false))
      Assert.deepEqual(yield* commit({ puts: [put(message("msg_2"))], key: key({ request: "" }) }), repeat(false))
      Assert.equal((yield* everything()).head.change, 3)
    }),
  },
  {
    id: "key.reach",
    title: "tells keys of another scope, conversation or tenant apart, also where joined names would be equal",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* createRoom("room_2")
      yield* createRoom(ROOM, { tenant: "other" })
      yield* send("msg_1", { key: key({ scope: "a", id: "b:c" }) })
      yield* send("msg_2", { key: key({ scope: "a:b", id: "c" }) })
      yield* send("msg_3", { key: key({ scope: "ab", id: ":c" }) })
      yield* send("msg_4", { key: key({ scope: "a\nb", id: "c" }) })
      yield* send("msg_5", { key: key({ scope: "a", id: "b\nc" }) })
      yield* send("msg_1", { conversation: "room_2", key: key({ scope: "a", id: "b:c" }) })
      yield* send("msg_1", { tenant: "other", key: key({ scope: "a", id: "b:c" }) })
      expectOutcome(yield* commit({ puts: [], key: key({ scope: "a", id: "b:c" }) }), "repeat")
    }),
  },
  {
    id: "key.tenant-wide",
    title: "holds a tenant-wide key across the conversations of its tenant and of no other",
    run: Effect.gen(function* () {
      const wide = key({ tenantWide: true })
      const first = yield* createRoom(ROOM, { key: wide })
      const committed = first.items.map(({ id, change }) => ({ itemId: id, change }))
      const second = yield* commit({ conversation: "room_2", puts: [put(conversation("room_2"))], key: wide })
      Assert.deepEqual(second, { outcome: "repeat", same: true, conversation: ROOM, committed })
      const third = yield* commit({ conversation: "room_3", puts: [put(conversation("room_3"))], key: { ...wide, request: "x" } })
      Assert.deepEqual(third, { outcome: "repeat", same: false, conversation: ROOM, committed })
      yield* createRoom("room_2", { tenant: "other", key: wide })
      const heads = yield* ConversationLog.use((log) =>
        log.heads(["room_1", "room_2", "room_3"].map((id) => ({ tenant: TENANT, conversation: id }))),
      )
      Assert.deepEqual(
        heads.heads.map((each) => each.id),
        [ROOM],
      )
    }),
  },
  {
    id: "key.tenant-wide-concurrent",
    title: "creates one conversation from many equal requests at the same time",
    run: Effect.gen(function* () {
      const outcomes = yield* Effect.forEach(
        numbers(1, 8),
        (n) => commit({ conversation: `room_${n}`, puts: [put(conversation(`room_${n}`))], key: key({ tenantWide: true }) }),
        { concurrency: "unbounded" },
      )
      const created = outcomes.flatMap((each) => (each.outcome === "ok" ? [each.head.id] : []))
      Assert.equal(created.length, 1)
      for (const each of outcomes) if (each.outcome !== "ok") Assert.equal(expectOutcome(each, "repeat").conversation, created[0])
    }),
  },
  {
    id: "key.refused-keeps-none",
    title: "leaves the key of a refused commit unused",
    run: Effect.gen(function* () {
      yield* createRoom()
      expectOutcome(yield* commit({ puts: [put(message("msg_1"))], key: key(), expectAccess: 9 }), "stale_access")
      expectOutcome(yield* commit({ puts: [put(message("msg_1"), 1)], key: key() }), "conflict")
      yield* send("msg_1", { key: key() })
      Assert.deepEqual(yield* commit({ puts: [], key: key() }), repeat(true))
    }),
  },
  {
    id: "key.get",
    title: "tells by get whether a key was used, in the snapshot of the items",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* send("msg_1", { key: key() })
      const ask = (asked: CommitKey) =>
        ConversationLog.use((log) => log.get({ tenant: TENANT, conversation: ROOM, items: ["msg_1"], key: asked }))
      Assert.deepEqual((yield* ask(key()))?.repeat, repeat(true))
      Assert.deepEqual((yield* ask(key({ request: "other" })))?.repeat, repeat(false))
      Assert.equal((yield* ask(key({ id: "c2" })))?.repeat, undefined)
      Assert.equal((yield* ask(key()))?.items[0]?.id, "msg_1")
    }),
  },
]
