/** What strangers send. Each case is refused by name over both transports, leaves nothing behind, and does no harm to the next request. */
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { refusedRequestFrame } from "@parley/testkit"
import { apiOf, connect, type Client, type Host, type Json, openHost, standOf } from "./wire-harness.ts"

let host: Host
let client: Client
let id: string
let messageId: string
let base: number

beforeAll(async () => {
  host = await openHost()
  const me = host.chat.as({ userId: "ann" })
  id = (await me.createSession()).id
  const sent = await me.send(id, "stored before", { clientMessageId: "first" })
  messageId = sent.messageId
  base = sent.change
  client = await connect(host, "dev:ann")
})
afterAll(() => host.close())

/** The error of one frame, given as the text that goes over the wire. */
const overWebSocket = async (text: string): Promise<Json> => {
  const before = client.frames.length
  client.raw(text)
  await client.find((frame) => frame["type"] === "error" && client.frames.indexOf(frame) >= before)
  return client.frames.slice(before).find((frame) => frame["type"] === "error")!["error"] as Json
}
const overHttp = async (text: string): Promise<Json> => {
  const answered = await apiOf(host, "ann")("POST", "/commands", { raw: text })
  if (answered.status === 200) return answered.body["replies"][0].error as Json
  expect(answered.body["error"].correlationId).toBe(answered.headers.get("x-correlation-id"))
  return answered.body["error"] as Json
}
const transports = { WebSocket: overWebSocket, HTTP: overHttp }

const send = (fields: Json = {}): Json => ({
  type: "send_message",
  id: "x",
  conversationId: id,
  clientMessageId: "c",
  text: "t",
  ...fields,
})

interface Case {
  readonly name: string
  /** Made late: it may need the ids of this run. */
  readonly text: () => string
  readonly code: string
  readonly path?: string
}
const frame = (name: string, value: () => unknown, code: string, path?: string): Case => ({
  name,
  text: () => JSON.stringify(value()),
  code,
  ...(path === undefined ? {} : { path }),
})
const raw = (name: string, text: () => string, code: string, path?: string): Case => ({
  name,
  text,
  code,
  ...(path === undefined ? {} : { path }),
})

const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) })

const CASES: ReadonlyArray<Case> = [
  raw("text that is cut short", () => '{"type":"send_mess', "invalid_json"),
  raw("a word", () => "hello", "invalid_json"),
  raw("a comment", () => '{"type":"ping",/* */"id":"1"}', "invalid_json"),
  raw("a raw NUL", () => '{"type":"ping","id":"\u0000"}', "invalid_json"),
  raw("ten thousand open brackets", () => "[".repeat(10_000), "invalid_json"),
  frame("no type", () => ({ id: "1" }), "unknown_type", "/type"),
  ...[1, null, {}, ["ping"], "", "nope", "PING", "ping ", "constructor", "toString", "__proto__", "hasOwnProperty"].map((type) =>
    frame(`the type ${JSON.stringify(type)}`, () => ({ type, id: "1" }), "unknown_type", "/type"),
  ),
  frame("no id", () => ({ type: "list_conversations" }), "invalid_request", "/id"),
  frame("an id that is a number", () => ({ type: "list_conversations", id: 1 }), "invalid_request", "/id"),
  frame("an empty id", () => ({ type: "list_conversations", id: "" }), "invalid_request", "/id"),
  frame("an id of 65", () => ({ type: "list_conversations", id: "x".repeat(65) }), "invalid_request", "/id"),
  frame("a text that is a number", () => send({ text: 5 }), "invalid_request", "/text"),
  frame("a text that is a list", () => send({ text: ["a"] }), "invalid_request", "/text"),
  frame("an empty text", () => send({ text: "" }), "invalid_request", "/text"),
  frame("white space for a text", () => send({ text: " \n\t\u00A0 " }), "invalid_request", "/text"),
  frame("5,001 characters", () => send({ text: "x".repeat(5_001) }), "invalid_request", "/text"),
  frame("5,001 code units in 2,501 emojis", () => send({ text: `${"🙂".repeat(2_500)}x` }), "invalid_request", "/text"),
  frame("no conversation", () => send({ conversationId: undefined }), "invalid_request", "/conversationId"),
  frame("a conversation that is an object", () => send({ conversationId: { $ne: null } }), "invalid_request", "/conversationId"),
  frame("an empty clientMessageId", () => send({ clientMessageId: "" }), "invalid_request", "/clientMessageId"),
  frame("a clientMessageId of 129", () => send({ clientMessageId: "c".repeat(129) }), "invalid_request", "/clientMessageId"),
  frame("metadata that is a list", () => send({ metadata: [] }), "invalid_request", "/metadata"),
  frame("metadata that is text", () => send({ metadata: "m" }), "invalid_request", "/metadata"),
  frame("metadata of 9,000 bytes", () => send({ metadata: { a: "x".repeat(9_000) } }), "invalid_request", "/metadata"),
  frame(
    "metadata with 65 keys",
    () => send({ metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, i])) }),
    "invalid_text",
    "/metadata",
  ),
  frame("a metadata key of 129", () => send({ metadata: { ["k".repeat(129)]: 1 } }), "invalid_text", "/metadata"),
  frame("metadata nested 20 deep", () => send({ metadata: nested(20) }), "invalid_text", `/metadata${"/a".repeat(15)}`),
  frame("a reply to a message that is not there", () => send({ replyTo: "msg_nowhere" }), "message_not_found"),
  frame("a batch inside a frame", () => ({ requests: [send()] }), "unknown_type", "/type"),
  ...(
    [
      ["role", "owner"],
      ["seq", 1],
      ["change", 1],
      ["authorId", "bob"],
      ["author", { kind: "user", id: "bob" }],
      ["userId", "bob"],
      ["tenantId", "other"],
      ["tenant", "other"],
      ["createdAt", 0],
      ["status", "sent"],
      ["deleted", {}],
      ["answer", { state: "complete" }],
      ["parts", [{ type: "text", text: "x" }]],
      ["kind", "message"],
      ["v", 1],
    ] as const
  ).map(([field, value]) => frame(`the server's field ${field}`, () => send({ [field]: value }), "invalid_request", `/${field}`)),
  ...["ai_response", "system", "assistant"].flatMap((type) => [
    frame(`the message type ${type}`, () => send({ messageType: type }), "invalid_request", "/messageType"),
    frame(`the frame type ${type}`, () => send({ type }), "unknown_type", "/type"),
  ]),
  ...["owner", "admin"].map((role) =>
    frame(`a session with the role ${role}`, () => ({ type: "create_session", id: "1", role }), "invalid_request", "/role"),
  ),
  frame(
    "a session with an owner",
    () => ({ type: "create_session", id: "1", createdBy: "bob" }),
    "invalid_request",
    "/createdBy",
  ),
  frame(
    "a session with an id",
    () => ({ type: "create_session", id: "1", conversationId: "ses_mine" }),
    "invalid_request",
    "/conversationId",
  ),
  frame(
    "a session context with an unknown field",
    () => ({ type: "create_session", id: "1", context: { role: "x" } }),
    "invalid_request",
    "/context/role",
  ),
  frame(
    "an update of the status",
    () => ({ type: "update_conversation", id: "1", conversationId: id, status: "closed" }),
    "invalid_request",
    "/status",
  ),
  frame(
    "an update of the member bound",
    () => ({ type: "update_conversation", id: "1", conversationId: id, maxMembers: 9 }),
    "invalid_request",
    "/maxMembers",
  ),
  frame(
    "an invitation into a session",
    () => ({ type: "update_conversation", id: "1", conversationId: id, invite: ["bob"] }),
    "forbidden",
  ),
  frame("a public room", () => ({ type: "create_room", id: "1", roomType: "public" }), "invalid_request", "/roomType"),
  frame(
    "an edit on no version",
    () => ({ type: "edit_message", id: "1", conversationId: id, messageId, text: "t" }),
    "invalid_request",
    "/base",
  ),
  frame(
    "an edit on half a version",
    () => ({ type: "edit_message", id: "1", conversationId: id, messageId, base: 1.5, text: "t" }),
    "invalid_request",
    "/base",
  ),
  frame(
    "an edit on an old version",
    () => ({ type: "edit_message", id: "1", conversationId: id, messageId, base: base - 1, text: "t" }),
    "edit_conflict",
  ),
  frame(
    "an edit of 5,001",
    () => ({ type: "edit_message", id: "1", conversationId: id, messageId, base, text: "x".repeat(5_001) }),
    "invalid_request",
    "/text",
  ),
  frame(
    "a reaction of 33",
    () => ({ type: "message_reaction", id: "1", conversationId: id, messageId, emoji: "x".repeat(33) }),
    "invalid_request",
    "/emoji",
  ),
  frame("stopping what is no answer", () => ({ type: "stop_answer", id: "1", conversationId: id, messageId }), "not_an_answer"),
  frame("another text under the same clientMessageId", () => send({ clientMessageId: "first" }), "idempotency_conflict"),
  frame("a page of 0", () => ({ type: "get_history", id: "1", conversationId: id, limit: 0 }), "invalid_request", "/limit"),
  frame("a page of 1e9", () => ({ type: "get_history", id: "1", conversationId: id, limit: 1e9 }), "invalid_request", "/limit"),
  raw(
    "a page of 1e999",
    () => `{"type":"get_history","id":"1","conversationId":"${id}","limit":1e999}`,
    "invalid_text",
    "/limit",
  ),
  // Keys that reach a prototype.
  ...["__proto__", "constructor", "prototype"].flatMap((key) => [
    raw(`the key ${key}`, () => `{"type":"create_session","id":"1","${key}":{"role":"owner"}}`, "invalid_text", ""),
    raw(
      `the key ${key} in metadata`,
      () => JSON.stringify(send({ metadata: { a: 1 } })).replace('"a":1', `"a":{"${key}":{"polluted":true}}`),
      "invalid_text",
      "/metadata/a",
    ),
    raw(
      `the key ${key} in custom fields`,
      () => `{"type":"create_session","id":"1","context":{"customFields":{"${key}":1}}}`,
      "invalid_text",
      "/context/customFields",
    ),
  ]),
  raw("an escaped __proto__", () => '{"type":"create_session","id":"1","__pr\\u006fto__":{}}', "invalid_text", ""),
  // NUL and lone surrogates, in values and keys of every depth.
  ...(
    [
      ["NUL", "\\u0000"],
      ["a lone high surrogate", "\\ud83d"],
      ["a lone low surrogate", "\\ude42"],
      ["surrogates in the wrong order", "\\ude42\\ud83d"],
    ] as const
  ).flatMap(([name, bad]) => [
    raw(`${name} in a text`, () => JSON.stringify(send({ text: "@" })).replace("@", `a${bad}b`), "invalid_text", "/text"),
    raw(`${name} in an id`, () => JSON.stringify(send({ id: "@" })).replace("@", bad), "invalid_text", "/id"),
    raw(`${name} in a type`, () => `{"type":"ping${bad}","id":"1"}`, "invalid_text", "/type"),
    raw(
      `${name} in a conversation id`,
      () => JSON.stringify(send({ conversationId: "@" })).replace("@", bad),
      "invalid_text",
      "/conversationId",
    ),
    raw(
      `${name} in a clientMessageId`,
      () => JSON.stringify(send({ clientMessageId: "@" })).replace("@", bad),
      "invalid_text",
      "/clientMessageId",
    ),
    raw(
      `${name} in metadata`,
      () => JSON.stringify(send({ metadata: { a: [0, { b: "@" }] } })).replace("@", bad),
      "invalid_text",
      "/metadata/a/1/b",
    ),
    raw(
      `${name} in a metadata key`,
      () => JSON.stringify(send({ metadata: { a: { "@": 1 } } })).replace("@", bad),
      "invalid_text",
      "/metadata/a",
    ),
    raw(`${name} in a name`, () => `{"type":"create_session","id":"1","name":"${bad}"}`, "invalid_text", "/name"),
    raw(
      `${name} in a reaction`,
      () => `{"type":"message_reaction","id":"1","conversationId":"${id}","messageId":"${messageId}","emoji":"${bad}"}`,
      "invalid_text",
      "/emoji",
    ),
    raw(`${name} in an unknown field`, () => JSON.stringify(send({ other: "@" })).replace("@", bad), "invalid_text", "/other"),
  ]),
]

describe.each(Object.entries(transports))("over %s", (_name, transport) => {
  it.each(CASES.map((one) => [one.name, one] as const))("%s", async (_title, { text, code, path }) => {
    const before = await standOf(host, "ann", id)
    const error = await transport(text())
    expect(error).toMatchObject({ code, message: expect.any(String), correlationId: expect.stringMatching(/./) })
    if (path !== undefined) expect(error["details"].path).toBe(path)
    expect(await standOf(host, "ann", id)).toEqual(before)
    expect(({} as Json)["polluted"]).toBeUndefined()
  })

  it("refuses whatever else is made up, and stores none of it", async () => {
    const before = await standOf(host, "ann", id)
    await fc.assert(
      fc.asyncProperty(refusedRequestFrame(), async ({ frame: made }) => {
        // A batch is no frame over one transport and a body over the other; and a refused token ends a connection, which is another test's.
        fc.pre(!Array.isArray(made) && (made as Json | null)?.["type"] !== "authenticate")
        const error = await transport(JSON.stringify(made))
        expect(["invalid_request", "invalid_text", "unknown_type"]).toContain(error["code"])
        expect(error["correlationId"]).toMatch(/./)
      }),
      { numRuns: 150 },
    )
    expect(await standOf(host, "ann", id)).toEqual(before)
  })

  it("still works", async () => {
    expect(client.socket.readyState).toBe(client.socket.OPEN)
    expect(await client.ask({ type: "get_history", conversationId: id })).toMatchObject({ type: "reply", messages: [{ seq: 1 }] })
    expect((await apiOf(host, "ann")("GET", `/sessions/${id}/history`)).status).toBe(200)
  })
})

it("logs no text of a request", async () => {
  const canary = "canary-5f3a"
  await overWebSocket(JSON.stringify(send({ text: canary, other: canary })))
  await overHttp(JSON.stringify(send({ text: canary, [canary]: 1 })))
  await apiOf(host, "ann")("POST", `/sessions/${id}/messages`, { body: { text: canary.repeat(1_000) } })
  expect(JSON.stringify(host.logs)).not.toContain(canary)
})

it("takes what looks bad and is not", async () => {
  const api = apiOf(host, "bob")
  const { body } = await api("POST", "/sessions", { body: { name: "'; DROP TABLE messages; --" } })
  const path = `/sessions/${body["conversationId"]}/messages`
  const texts = [
    "<script>alert(1)</script>",
    "\u202Ertl\u202C",
    "x".repeat(5_000),
    "🙂".repeat(2_500),
    "\uFFFD",
    "\u0001",
    "${jndi:ldap://x}",
    "constructor",
  ]
  for (const text of texts) expect((await api("POST", path, { body: { text } })).status).toBe(201)
  const { messages } = (await api("GET", path)).body as { messages: ReadonlyArray<Json> }
  expect(messages.map((message) => message["parts"][0].text)).toEqual(texts)
  const target = `${path}/${messages[0]!["id"]}`
  const emojis = ["__proto__", "constructor", "toString", "👩‍👩‍👧‍👦"]
  for (const emoji of emojis) expect((await api("PUT", `${target}/reactions/${encodeURIComponent(emoji)}`)).status).toBe(200)
  const { counts } = (await api("GET", path)).body["reactions"][0] as { counts: ReadonlyArray<Json> }
  expect(counts).toHaveLength(emojis.length)
  for (const emoji of emojis) expect(counts).toContainEqual({ emoji, count: 1, users: ["bob"] })
})
