/** ConversationLog: tenants never meet, unknown is nothing, and text comes back as it went in. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { CONVERSATION_TYPES, ConversationLog, MEMBER_STATUSES, type Item, type ReactionsBody } from "@parley/core"
import {
  ALL,
  commit,
  commitOk,
  conversation,
  createRoom,
  everything,
  expectOutcome,
  item,
  items,
  member,
  message,
  put,
  reactions,
  ROOM,
  send,
  TENANT,
  type StorageCase,
} from "../fixtures.ts"

const nothingAt = (tenant: string, id: string) =>
  Effect.gen(function* () {
    const log = yield* ConversationLog
    const at = { tenant, conversation: id }
    Assert.deepEqual(
      [
        yield* log.get({ ...at, items: ["msg_1"] }),
        yield* log.changes({ ...at, after: 0, ...ALL }),
        yield* log.history({ ...at, from: 1, ...ALL }),
        yield* log.members({ ...at, limit: 10 }),
        (yield* log.heads([at])).heads,
      ],
      [undefined, undefined, undefined, undefined, []],
    )
  })

/** Text that stores have been known to alter, refuse or read as something else. */
const TEXTS: ReadonlyArray<string> = [
  "",
  " leading and trailing \t\r\n",
  "'; DROP TABLE items; -- \" \\ % _ ? $1 :a @b",
  "é e\u0301 \u212b \ufb01",
  "\ufeffbyte order mark, \u2028 \u2029 \u200b \u00ad \u0085 \u001f \u007f",
  "👩‍👩‍👧‍👦 🇩🇪 😀 𝔘 \u{10ffff} \ufdd0 \uffff",
  "مرحبا \u202e שלום",
  "007",
  "1e309",
  "true",
  "null",
  '{"json":[1,2]}',
  "2024-01-01T00:00:00Z",
  "\\u0041 \\x00 &amp; %20",
]

/** Names that plain objects already have, or that joined keys confuse. */
const NAMES: ReadonlyArray<string> = [
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "",
  " ",
  "a:b",
  "a/b",
  "a\nb",
  "A",
  "a",
  "é",
  "e\u0301",
  "😀",
  "1",
  "01",
  "x".repeat(120),
]

export const isolationCases: ReadonlyArray<StorageCase> = [
  {
    id: "isolation.same-id",
    title: "keeps conversations of the same id in two tenants apart",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* createRoom(ROOM, { tenant: "other" })
      yield* send("msg_1")
      yield* send("msg_2")
      yield* send("msg_1", { tenant: "other" }, "another text")
      const [ours, theirs] = [yield* everything(), yield* everything({ tenant: "other" })]
      Assert.deepEqual([ours.head.tenant, ours.head.change, ours.head.seq], [TENANT, 4, 2])
      Assert.deepEqual([theirs.head.tenant, theirs.head.change, theirs.head.seq], ["other", 3, 1])
      Assert.deepEqual((yield* items(["msg_2"], { tenant: "other" }))[0], undefined)
      expectOutcome(yield* commit({ tenant: "other", puts: [put(message("msg_1", "edit"), 4)] }), "conflict")
      const log = yield* ConversationLog
      const page = yield* log.history({ tenant: "other", conversation: ROOM, before: 100, ...ALL })
      Assert.deepEqual(page?.messages[0]?.parts, [{ type: "text", text: "another text" }])
      const { heads } = yield* log.heads([
        { tenant: "other", conversation: ROOM },
        { tenant: TENANT, conversation: ROOM },
      ])
      Assert.deepEqual(heads.map((each) => `${each.tenant} ${each.change}`).toSorted(), ["acme 4", "other 3"])
    }),
  },
  {
    id: "isolation.other-tenant",
    title: "shows another tenant nothing, on no read",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* send("msg_1")
      yield* nothingAt("other", ROOM)
      yield* nothingAt(TENANT, "room_none")
      const log = yield* ConversationLog
      const listed = yield* log.list({
        tenant: "other",
        userId: "ann",
        types: CONVERSATION_TYPES,
        statuses: MEMBER_STATUSES,
        limit: 10,
      })
      Assert.deepEqual(listed, { entries: [], more: false })
      expectOutcome(yield* commit({ tenant: "other", puts: [put(message("msg_2"))] }), "missing")
    }),
  },
  {
    id: "isolation.joined-names",
    title: "tells conversations apart whose tenant and id would join to the same text",
    run: Effect.gen(function* () {
      const pairs = ["\n", ":", "/", "|", ",", "-", " "].flatMap((mark): ReadonlyArray<readonly [string, string]> => [
        [`a${mark}b`, "c"],
        ["a", `b${mark}c`],
      ])
      for (const [tenant, id] of pairs) yield* createRoom(id, { tenant })
      for (const [tenant, id] of pairs) {
        const log = yield* everything({ tenant, conversation: id })
        Assert.deepEqual([log.head.tenant, log.head.id, log.head.change], [tenant, id, 2])
      }
    }),
  },
  {
    id: "isolation.conversations",
    title: "keeps items of the same id in two conversations apart",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* createRoom("room_2")
      yield* send("msg_1")
      yield* send("msg_1", { conversation: "room_2" }, "other text")
      yield* commitOk({ conversation: "room_2", puts: [put(message("msg_1", "edited"), 3)] })
      Assert.deepEqual((yield* item("msg_1")).change, 3)
      expectOutcome(yield* commit({ puts: [put(message("msg_2"))], requires: ["room_2"] }), "missing")
    }),
  },
  {
    id: "text.exact",
    title: "returns every text as it was written",
    run: Effect.gen(function* () {
      yield* createRoom()
      const long = "äx😀".repeat(50_000)
      const texts = [...TEXTS, long]
      yield* commitOk({
        puts: texts.map((text, index) =>
          put({
            ...message(`msg_${index}`, text),
            metadata: { text, nested: [{ text: [text, null, 1.5, false] }] },
            clientMessageId: text.slice(0, 64),
          }),
        ),
      })
      const read = yield* items(texts.map((_, index) => `msg_${index}`))
      for (const [index, text] of texts.entries()) {
        const stored = read[index] as Extract<Item, { readonly kind: "message" }>
        Assert.deepEqual(stored.parts, [{ type: "text", text }])
        Assert.deepEqual(stored.metadata, { text, nested: [{ text: [text, null, 1.5, false] }] })
      }
      const log = yield* ConversationLog
      const page = yield* log.history({ tenant: TENANT, conversation: ROOM, from: 1, ...ALL })
      Assert.deepEqual(page?.messages, read)
    }),
  },
  {
    id: "text.names",
    title: "takes any name as an id, a user, an emoji, a key or a scope, and confuses no two",
    run: Effect.gen(function* () {
      yield* createRoom()
      // Parsed, because a literal would set the prototype instead of a key.
      const users = JSON.parse(
        `{${NAMES.map((name) => `${JSON.stringify(name)}:[${JSON.stringify(name)}]`).join()}}`,
      ) as ReactionsBody["users"]
      yield* send("msg_1")
      yield* commitOk({ puts: [put(reactions("msg_1", users))] })
      Assert.deepEqual(((yield* item("rea_1")) as ReactionsBody).users, users)
      for (const name of NAMES) {
        yield* commitOk({ puts: [put(message(`msg_${name}?`, name))], key: { scope: name, id: "k", request: name } })
        yield* commitOk({ puts: [put(member(name))], key: { scope: "s", id: name, request: name } })
      }
      const read = yield* items(NAMES.map((name) => `msg_${name}?`))
      Assert.deepEqual(
        read.map((each) => each?.kind === "message" && each.parts),
        NAMES.map((text) => [{ type: "text", text }]),
      )
      const log = yield* ConversationLog
      for (const name of NAMES) {
        const { entries } = yield* log.list({ tenant: TENANT, userId: name, types: ["group"], statuses: ["joined"], limit: 10 })
        Assert.deepEqual(
          entries.map((each) => each.member.userId),
          [name],
        )
        expectOutcome(yield* commit({ key: { scope: "s", id: name, request: name } }), "repeat")
      }
      Assert.deepEqual(yield* items(["__proto__", "constructor", "toString"]), [undefined, undefined, undefined])
    }),
  },
  {
    id: "text.fields",
    title: "returns every field of every kind of item, known or new, and adds none",
    run: Effect.gen(function* () {
      const room = conversation(ROOM, {
        name: "n",
        description: "d",
        context: { clientName: "c", serviceTypes: ["a"], customFields: { deep: { er: [1, { x: null }] } } },
      })
      const full = {
        ...message("msg_1"),
        replyTo: "msg_0",
        edits: 2,
        parts: [
          { type: "text" as const, text: "t" },
          { type: "source" as const, title: "s", uri: "u", score: 0.25 },
          { type: "data" as const, anything: { at: ["all"] }, number: -1e-7 },
        ],
      }
      const muted = member("bob", { muted: true, role: "moderator", status: "banned" })
      const bodies = [room, full, muted, reactions("msg_1", { "👍": ["b", "a"], "👎": [] })]
      const { items: written, head } = yield* commitOk({ puts: bodies.map((body) => put(body)) })
      const stamps = { createdAt: head.createdAt, updatedAt: head.createdAt }
      const expected = bodies.map((body, index) => ({
        ...body,
        ...stamps,
        change: index + 1,
        ...(index === 1 ? { seq: 1 } : {}),
      }))
      Assert.deepEqual(written, expected)
      Assert.deepEqual((yield* everything()).items, expected)
    }),
  },
]
