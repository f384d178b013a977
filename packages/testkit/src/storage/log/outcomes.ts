/** ConversationLog: what refuses a commit, what it says, that it changes nothing, and which of several reasons wins. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { AnswerLeases, ConversationLog, Outbox, type Commit, type CommitOutcome } from "@parley/core"
import {
  ALL,
  answer,
  commit,
  commitOk,
  conversation,
  createRoom,
  everything,
  expectOutcome,
  item,
  member,
  message,
  put,
  ROOM,
  send,
  TENANT,
  type CommitFields,
  type StorageCase,
} from "../fixtures.ts"

/** Everything a refused commit must leave alone. */
const observed = Effect.gen(function* () {
  const log = yield* ConversationLog
  const outbox = yield* Outbox
  const leases = yield* AnswerLeases
  return {
    changes: yield* log.changes({ tenant: TENANT, conversation: ROOM, after: 0, ...ALL }),
    history: yield* log.history({ tenant: TENANT, conversation: ROOM, from: 1, ...ALL }),
    members: yield* log.members({ tenant: TENANT, conversation: ROOM, limit: 100 }),
    list: yield* log.list({ tenant: TENANT, userId: "bob", types: ["group"], statuses: ["joined"], limit: 10 }),
    facts: yield* outbox.read(0, 1_000),
    open: yield* leases.open(TENANT, ROOM),
  }
})

/** A full room whose answer `msg_answer` waits, and whose key `used` is used. */
const prepare = Effect.gen(function* () {
  yield* createRoom()
  yield* send("msg_1", { key: { scope: "ann", id: "used", request: "hello" } })
  yield* commitOk({ puts: [put(answer("msg_answer"))], leases: [{ answer: "msg_answer", to: "open" }] })
})

/** Each reason to refuse, alone, in the order in which the contract checks them. */
const REASONS: ReadonlyArray<{ readonly name: CommitOutcome["outcome"]; readonly says: object; readonly fields: CommitFields }> =
  [
    {
      name: "repeat",
      says: { outcome: "repeat", same: true, conversation: ROOM, committed: [{ itemId: "msg_1", change: 3, seq: 1 }] },
      fields: { key: { scope: "ann", id: "used", request: "hello" } },
    },
    { name: "stale_access", says: { outcome: "stale_access", accessVersion: 1 }, fields: { expectAccess: 2 } },
    { name: "fenced", says: { outcome: "fenced" }, fields: { fence: { answer: "msg_answer", fence: 7 } } },
    { name: "missing", says: { outcome: "missing", itemId: "msg_none" }, fields: { requires: ["msg_1", "msg_none"] } },
    { name: "conflict", says: {}, fields: { puts: [put(message("msg_2")), put(message("msg_1", "again"))] } },
    { name: "room_full", says: { outcome: "room_full" }, fields: { members: { delta: 1, max: 1 } } },
  ]

/** Commits whatever would show if a refused commit left something behind. */
const NOISE: CommitFields = {
  puts: [put(member("bob"))],
  revokes: true,
  leases: [
    { answer: "msg_new", to: "open" },
    { answer: "msg_answer", to: "stopping" },
  ],
  outbox: [{ type: "message_sent", actor: "ann" }],
}

const merge = (a: CommitFields, b: CommitFields): CommitFields => ({ ...a, ...b, puts: [...(a.puts ?? []), ...(b.puts ?? [])] })

const refusals = REASONS.map(({ name, says, fields }): StorageCase => ({
  id: `refusal.${name}`,
  title: `answers ${name} and changes nothing`,
  run: Effect.gen(function* () {
    yield* prepare
    const before = yield* observed
    const expected = name === "conflict" ? { outcome: "conflict", itemId: "msg_1", current: yield* item("msg_1") } : says
    Assert.deepEqual(yield* commit(merge(NOISE, fields)), expected)
    Assert.deepEqual(yield* observed, before)
  }),
}))

/** For each reason but the last: it wins over every later one. */
const orders = REASONS.slice(0, -1).map(({ name, fields }, index): StorageCase => ({
  id: `order.${name}`,
  title: `answers ${name} whatever else stands in the way and is checked later`,
  run: Effect.gen(function* () {
    yield* prepare
    const before = yield* observed
    for (const later of REASONS.slice(index + 1)) {
      const outcome = yield* commit(merge(fields, later.fields))
      Assert.equal(outcome.outcome, name, `${name} and ${later.name} at once gives ${outcome.outcome}`)
    }
    Assert.deepEqual(yield* observed, before)
  }),
}))

const wideKey = (id: string): NonNullable<Commit["key"]> => ({ scope: "ann", id, request: "create", tenantWide: true })

export const outcomeCases: ReadonlyArray<StorageCase> = [
  ...refusals,
  ...orders,
  {
    id: "order.unknown-conversation",
    title: "answers missing for an unknown conversation, after a used key and before everything else",
    run: Effect.gen(function* () {
      yield* createRoom(ROOM, { key: wideKey("create") })
      const repeat = yield* commit({ conversation: "room_none", key: wideKey("create"), puts: [put(message("msg_1"))] })
      expectOutcome(repeat, "repeat")
      for (const { fields } of REASONS) {
        const outcome = yield* commit({ ...fields, conversation: "room_none" })
        Assert.deepEqual(outcome, { outcome: "missing", itemId: "room_none" })
      }
      const read = yield* ConversationLog.use((log) =>
        log.changes({ tenant: TENANT, conversation: "room_none", after: 0, ...ALL }),
      )
      Assert.equal(read, undefined, "the refused commits made no conversation")
    }),
  },
  {
    id: "conflict.absent",
    title: "answers conflict without a current item when the put names a change of an item that is not there",
    run: Effect.gen(function* () {
      yield* createRoom()
      Assert.deepEqual(yield* commit({ puts: [put(message("msg_1"), 1)] }), {
        outcome: "conflict",
        itemId: "msg_1",
        current: undefined,
      })
    }),
  },
  {
    id: "conflict.older",
    title: "answers conflict with the current item when the put names an older change, and takes the newest",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* send("msg_1")
      const edited = yield* commitOk({ puts: [put(message("msg_1", "second"), 3)] })
      const late = yield* commit({ puts: [put(message("msg_1", "third"), 3)] })
      Assert.deepEqual(late, { outcome: "conflict", itemId: "msg_1", current: edited.items[0] })
      yield* commitOk({ puts: [put(message("msg_1", "third"), 4)] })
    }),
  },
  {
    id: "conflict.created-twice",
    title: "creates a conversation once, however many try at the same time",
    run: Effect.gen(function* () {
      const outcomes = yield* Effect.forEach(
        [1, 2, 3, 4, 5],
        () => commit({ puts: [put(conversation()), put(member("ann"))], members: { delta: 1, max: 10 } }),
        { concurrency: "unbounded" },
      )
      Assert.deepEqual(outcomes.map((each) => each.outcome).toSorted(), ["conflict", "conflict", "conflict", "conflict", "ok"])
      const log = yield* everything()
      Assert.deepEqual([log.head.change, log.head.members], [2, 1])
      for (const outcome of outcomes)
        if (outcome.outcome !== "ok") Assert.deepEqual(expectOutcome(outcome, "conflict").current, log.items[0])
    }),
  },
  {
    id: "requires.tombstone",
    title: "counts a tombstone as existing",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* send("msg_1")
      yield* commitOk({ puts: [put({ ...message("msg_1"), parts: [], deleted: { by: "ann" } }, 3)] })
      yield* commitOk({ puts: [put(message("msg_2"))], requires: ["msg_1", ROOM] })
    }),
  },
  {
    id: "requires.same-commit",
    title: "does not count what the commit itself would write",
    run: Effect.gen(function* () {
      yield* createRoom()
      const outcome = yield* commit({ puts: [put(message("msg_1"))], requires: ["msg_1"] })
      Assert.deepEqual(outcome, { outcome: "missing", itemId: "msg_1" })
    }),
  },
  {
    id: "members.count",
    title: "fills a room to its maximum, not above, however many join at the same time",
    run: Effect.gen(function* () {
      yield* createRoom()
      const users = ["bob", "cy", "dee", "eve", "fay", "gus"]
      const outcomes = yield* Effect.forEach(
        users,
        (user) => commit({ puts: [put(member(user))], members: { delta: 1, max: 4 } }),
        { concurrency: "unbounded" },
      )
      Assert.deepEqual(outcomes.map((each) => each.outcome).toSorted(), ["ok", "ok", "ok", "room_full", "room_full", "room_full"])
      const page = yield* ConversationLog.use((log) => log.members({ tenant: TENANT, conversation: ROOM, limit: 10 }))
      Assert.equal(page?.members.length, 4)
      Assert.equal((yield* everything()).head.members, 4)
      yield* commitOk({ puts: [put(member("ann", { status: "left" }), 2)], members: { delta: -1, max: 4 } })
      yield* commitOk({ puts: [put(member("zoe"))], members: { delta: 1, max: 4 } })
    }),
  },
  {
    id: "access.current",
    title: "takes a commit that expects the access version of now, and a sender without expectation",
    run: Effect.gen(function* () {
      const { head } = yield* createRoom()
      yield* send("msg_1", { expectAccess: head.accessVersion })
      const moved = yield* commitOk({ revokes: true, expectAccess: head.accessVersion })
      const late = yield* commit({ puts: [put(message("msg_2"))], expectAccess: head.accessVersion })
      Assert.deepEqual(late, { outcome: "stale_access", accessVersion: moved.head.accessVersion })
      yield* send("msg_2", { expectAccess: moved.head.accessVersion })
      yield* send("msg_3")
    }),
  },
  {
    id: "atomic.puts",
    title: "writes all puts of a commit or none, also when the last one conflicts",
    run: Effect.gen(function* () {
      yield* prepare
      const before = yield* observed
      const outcome = yield* commit({
        puts: [put(message("msg_2")), put(message("msg_3")), put(message("msg_1", "edit"), 2)],
        outbox: [{ type: "message_sent" }],
        key: { scope: "ann", id: "new", request: "three" },
      })
      expectOutcome(outcome, "conflict")
      Assert.deepEqual(yield* observed, before)
    }),
  },
]
