/** ConversationLog: members of a conversation, conversations of a user, heads, and what sweepers look for. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { CONVERSATION_TYPES, ConversationLog, MEMBER_STATUSES, memberIdOf, type Listed, type ListQuery } from "@parley/core"
import {
  commitOk,
  conversation,
  createRoom,
  everything,
  found,
  idsOf,
  member,
  message,
  numbers,
  put,
  ROOM,
  send,
  TENANT,
  type StorageCase,
} from "../fixtures.ts"

const members = (limit: number, after?: string) =>
  ConversationLog.use((log) =>
    log.members({ tenant: TENANT, conversation: ROOM, limit, ...(after === undefined ? {} : { after }) }),
  ).pipe(Effect.map(found))

const list = (query: Partial<ListQuery>) =>
  ConversationLog.use((log) =>
    log.list({ tenant: TENANT, userId: "ann", types: CONVERSATION_TYPES, statuses: MEMBER_STATUSES, limit: 100, ...query }),
  )

const keyOf = ({ head }: Listed) => ({ lastSendAt: head.lastSendAt, id: head.id })

const idle = (over: { readonly idleMs?: number; readonly limit?: number } = {}) =>
  ConversationLog.use((log) => log.idle({ type: "session", idleMs: 0, limit: 100, ...over }))

const createSession = (id: string, tenant = TENANT, over = {}) =>
  commitOk({
    tenant,
    conversation: id,
    puts: [put(conversation(id, { type: "session", maxMembers: 1, ...over })), put(member("ann"))],
  })

export const memberCases: ReadonlyArray<StorageCase> = [
  {
    id: "members.pages",
    title: "pages members of every status in the order of their ids",
    run: Effect.gen(function* () {
      yield* createRoom()
      const users = ["zed", "bob", "cy", "Bob", "b", "bobby", "10", "9"]
      yield* commitOk({ puts: users.map((user, index) => put(member(user, { status: MEMBER_STATUSES[index % 5] ?? "joined" }))) })
      yield* send("msg_1")
      const expected = ["ann", ...users].map(memberIdOf).sort()
      for (const limit of [1, 2, 4, 9, 10]) {
        const read: Array<string> = []
        for (let more = true; more;) {
          const page = yield* members(limit, read.at(-1))
          Assert.ok(page.members.length <= limit && page.members.length > 0)
          read.push(...idsOf(page.members))
          more = page.more
        }
        Assert.deepEqual(read, expected, `in pages of ${limit}`)
      }
      Assert.equal((yield* members(9)).more, false)
      Assert.deepEqual((yield* members(5, "mem_zzz")).members, [])
      Assert.equal((yield* members(100)).members.find((each) => each.userId === "bob")?.status, MEMBER_STATUSES[1])
    }),
  },
  {
    id: "members.code-units",
    title: "orders members by UTF-16 code units, which is not the order of UTF-8 bytes",
    run: Effect.gen(function* () {
      yield* createRoom()
      const users = ["\uffee", "😀", "é", "z", "Z", "\ud7ff", "e\u0301", "_"]
      yield* commitOk({ puts: users.map((user) => put(member(user))) })
      const expected = ["ann", ...users].map(memberIdOf).sort()
      Assert.deepEqual(idsOf((yield* members(100)).members), expected)
      Assert.deepEqual(idsOf((yield* members(100, expected[4])).members), expected.slice(5))
    }),
  },
  {
    id: "list.order",
    title: "lists a user's conversations, newest send first, in pages without a gap or a repeat",
    run: Effect.gen(function* () {
      const rooms = numbers(1, 7).map((n) => `room_${n}`)
      yield* Effect.forEach(rooms, (room) => createRoom(room))
      for (const room of ["room_3", "room_6", "room_1"]) {
        yield* Effect.sleep(2)
        yield* send(`msg_${room}`, { conversation: room })
      }
      yield* createRoom("room_other", { puts: [put(conversation("room_other")), put(member("bob"))] })
      const { entries, more } = yield* list({})
      Assert.equal(more, false)
      Assert.deepEqual(
        entries
          .slice(0, 3)
          .map(keyOf)
          .map((each) => each.id),
        ["room_1", "room_6", "room_3"],
      )
      const sorted = entries.toSorted((a, b) => b.head.lastSendAt - a.head.lastSendAt || (a.head.id < b.head.id ? 1 : -1))
      Assert.deepEqual(entries.map(keyOf), sorted.map(keyOf), "equal times go by id, descending")
      Assert.deepEqual(entries.map((each) => each.head.id).toSorted(), rooms)
      for (const limit of [1, 2, 3, 7]) {
        const read: Array<Listed> = []
        for (let again = true; again;) {
          const last = read.at(-1)
          const page = yield* list({ limit, ...(last === undefined ? {} : { after: keyOf(last) }) })
          Assert.ok(page.entries.length <= limit && page.entries.length > 0)
          read.push(...page.entries)
          again = page.more
        }
        Assert.deepEqual(read, entries, `in pages of ${limit}`)
      }
    }),
  },
  {
    id: "list.entries",
    title: "lists head, conversation and own member item in their newest versions, filtered by type and status",
    run: Effect.gen(function* () {
      yield* createRoom("room_1")
      yield* createSession("ses_1")
      yield* createRoom("room_2", { puts: [put(conversation("room_2")), put(member("ann", { status: "invited" }))] })
      yield* commitOk({ puts: [put(conversation(ROOM, { name: "renamed" }), 1)] })
      const log = yield* everything()
      const [entry] = (yield* list({ types: ["group"], statuses: ["joined"] })).entries
      Assert.deepEqual(entry, { head: log.head, conversation: log.items[1], member: log.items[0] })
      const names = (query: Partial<ListQuery>) =>
        Effect.map(list(query), (page) => page.entries.map((each) => each.head.id).toSorted())
      Assert.deepEqual(yield* names({}), ["room_1", "room_2", "ses_1"])
      Assert.deepEqual(yield* names({ types: ["session"] }), ["ses_1"])
      Assert.deepEqual(yield* names({ types: ["group"] }), ["room_1", "room_2"])
      Assert.deepEqual(yield* names({ statuses: ["invited"] }), ["room_2"])
      Assert.deepEqual(yield* names({ userId: "bob" }), [])
      yield* commitOk({ puts: [put(member("ann", { status: "left" }), 2)], members: { delta: -1, max: 10 } })
      Assert.deepEqual(yield* names({ statuses: ["joined"] }), ["ses_1"])
      Assert.deepEqual(yield* names({ statuses: ["left"] }), ["room_1"])
    }),
  },
  {
    id: "heads.batch",
    title: "tells where conversations stand, and leaves out what is not there",
    run: Effect.gen(function* () {
      const { head } = yield* createRoom()
      yield* createRoom("room_2")
      yield* commitOk({ conversation: "room_2", puts: [put(message("msg_1"))], revokes: true })
      const asked = ["room_2", "room_none", ROOM].map((id) => ({ tenant: TENANT, conversation: id }))
      const { epoch, heads } = yield* ConversationLog.use((log) => log.heads(asked))
      Assert.equal(epoch, head.epoch)
      Assert.deepEqual(
        heads.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        [
          { tenant: TENANT, id: ROOM, change: 2, accessVersion: 1 },
          { tenant: TENANT, id: "room_2", change: 3, accessVersion: 2 },
        ],
      )
      Assert.deepEqual((yield* ConversationLog.use((log) => log.heads([]))).heads, [])
    }),
  },
  {
    id: "idle.active",
    title: "finds active conversations of a type in every tenant, at most as many as asked for",
    run: Effect.gen(function* () {
      yield* createSession("ses_1")
      yield* createSession("ses_2", "other")
      yield* createSession("ses_3", TENANT, { status: "closed" })
      yield* createSession("ses_4")
      yield* createRoom()
      yield* commitOk({ conversation: "ses_4", puts: [put(conversation("ses_4", { type: "session", status: "expired" }), 1)] })
      const all = (yield* idle()).toSorted((a, b) => (a.conversation < b.conversation ? -1 : 1))
      Assert.deepEqual(all, [
        { tenant: TENANT, conversation: "ses_1" },
        { tenant: "other", conversation: "ses_2" },
      ])
      Assert.equal((yield* idle({ limit: 1 })).length, 1)
      Assert.deepEqual(yield* idle({ idleMs: 3_600_000 }), [])
    }),
  },
  {
    id: "idle.last-send",
    title: "counts from the last send of a person",
    run: Effect.gen(function* () {
      yield* createSession("ses_1")
      yield* createSession("ses_2")
      const created = (yield* everything({ conversation: "ses_2" })).head.createdAt
      for (let n = 1; ; n++) {
        yield* Effect.sleep(5)
        const { head } = yield* send(`msg_${n}`, { conversation: "ses_2" })
        yield* commitOk({ conversation: "ses_1", puts: [put(message(`msg_${n}`, "…", { kind: "assistant", id: "ai" }))] })
        // Only while the second session is younger than the gap does its absence mean anything.
        if (head.lastSendAt - created < 100) continue
        const found = yield* idle({ idleMs: 100 })
        const after = (yield* everything({ conversation: "ses_2" })).head
        const { head: read } = yield* commitOk({ conversation: "ses_2" })
        if (read.updatedAt - after.lastSendAt >= 100) continue
        Assert.deepEqual(found, [{ tenant: TENANT, conversation: "ses_1" }])
        return
      }
    }),
  },
]
