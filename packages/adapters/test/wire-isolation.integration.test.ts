/** Somebody else's conversation and one that never was: two answers that nobody can tell apart, whatever is asked. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { FEATURES, type RequestType } from "@parley/core"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { ROUTES } from "../src/http/routes.ts"
import { apiOf, type Client, connect, type Host, type Json, openHost, standOf } from "./wire-harness.ts"

interface Target {
  readonly conversationId: string
  readonly messageId: string
}

let host: Host
let client: Client
/** Bob's; what ann sees of it has to equal `unknown`. */
let foreignSession: Target
let foreignAnswer: Target
let foreignRoom: Target
let left: Target
let mine: Target
// As long as real ones and of the same letters.
const unknownSession: Target = { conversationId: "ses_AAAAAAAAAAAAAAAAAAAAAA", messageId: "msg_AAAAAAAAAAAAAAAAAAAAAA" }

beforeAll(async () => {
  host = await openHost({ ai: [knowledgeAssistant({ paceMs: 1 })] })
  const ann = host.chat.as({ userId: "ann" })
  const bob = host.chat.as({ userId: "bob" })
  const session = await bob.createSession({ name: "secret" })
  const sent = await bob.send(session.id, "What is a cursor?")
  foreignSession = { conversationId: session.id, messageId: sent.messageId }
  foreignAnswer = { conversationId: session.id, messageId: sent.answerId as string }
  const room = await bob.createRoom({ type: "private", invite: ["cid"] })
  foreignRoom = { conversationId: room.id, messageId: (await bob.send(room.id, "in here")).messageId }
  const other = await bob.createRoom({ type: "private", invite: ["ann"] })
  await ann.join(other.id)
  left = { conversationId: other.id, messageId: (await bob.send(other.id, "before you go")).messageId }
  await ann.leave(other.id)
  const own = await ann.createSession()
  mine = { conversationId: own.id, messageId: (await ann.send(own.id, "own")).messageId }
  client = await connect(host, "dev:ann")
})
afterAll(() => host.close())

/** The fields that each operation needs besides its conversation and message, all of them in order. */
const FIELDS: { readonly [type in RequestType]?: Json } = {
  close_conversation: {},
  delete_conversation: {},
  update_conversation: { name: "mine now" },
  list_conversations: {},
  subscribe: {},
  get_history: {},
  send_message: { clientMessageId: "c1", text: "hello" },
  join_room: {},
  leave_room: {},
}
const OF_MESSAGE: { readonly [type in RequestType]?: Json } = {
  edit_message: { base: 1, text: "mine now" },
  delete_message: {},
  message_reaction: { emoji: "👍" },
  stop_answer: {},
  regenerate_answer: {},
}
/** Those that name no conversation of the store. */
const WITHOUT_TARGET = ["authenticate", "create_session", "create_room", "ping", "unsubscribe"]

it("has a case for every operation", () => {
  const covered = [...Object.keys(FIELDS), ...Object.keys(OF_MESSAGE), ...WITHOUT_TARGET]
  expect(covered).toHaveLength(FEATURES.length)
  expect(new Set(covered)).toEqual(new Set<string>(FEATURES))
})

/** Without what differs from request to request by design, and without the id that was asked for, which an answer might repeat. */
const plain = (text: string, target: Target): string =>
  text
    .replaceAll(target.conversationId, "<conversation>")
    .replaceAll(target.messageId, "<message>")
    .replaceAll(/"correlationId":"[^"]*"/g, '"correlationId":"<id>"')

const REQUESTS = [
  ...Object.entries(FIELDS).map(([type, fields]) => ({ type, fields: fields as Json, ofMessage: false })),
  ...Object.entries(OF_MESSAGE).map(([type, fields]) => ({ type, fields: fields as Json, ofMessage: true })),
]
const frameOf = ({ type, fields, ofMessage }: (typeof REQUESTS)[number], target: Target): Json => ({
  type,
  id: "same",
  ...fields,
  conversationId: target.conversationId,
  ...(ofMessage ? { messageId: target.messageId } : {}),
})

const overWebSocket = async (frame: Json, target: Target): Promise<string> => {
  const before = client.frames.length
  client.send(frame)
  await client.find((seen) => seen["id"] === "same" && client.frames.indexOf(seen) >= before)
  return plain(JSON.stringify(client.frames.slice(before)), target)
}
const overCommands = async (frame: Json, target: Target): Promise<string> =>
  plain((await apiOf(host, "ann")("POST", "/commands", { body: [frame] })).text, target)

const foreign = (): ReadonlyArray<readonly [string, Target]> => [
  ["session", foreignSession],
  ["answer", foreignAnswer],
  ["room", foreignRoom],
  ["room that one has left", left],
]
const KINDS = ["session", "answer", "room", "room that one has left"]
const targetOf = (kind: string): Target => foreign().find(([name]) => name === kind)![1]

describe.each(KINDS)("a foreign %s", (kind) => {
  it.each(REQUESTS.map((request) => [request.type, request] as const))("is not there for %s", async (_type, request) => {
    const target = targetOf(kind)
    const owner = await standOf(host, "bob", target.conversationId)
    // Over HTTP a subscription is `sync`, which has a test of its own.
    for (const transport of request.type === "subscribe" ? [overWebSocket] : [overWebSocket, overCommands]) {
      const seen = await transport(frameOf(request, target), target)
      expect(seen).toBe(await transport(frameOf(request, unknownSession), unknownSession))
      expect(seen).toContain('"code":"conversation_not_found"')
    }
    expect(await standOf(host, "bob", target.conversationId)).toEqual(owner)
  })

  const routes = ROUTES.filter((route) => route.path.includes(":conversationId"))
  it.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "is not there for %s",
    async (_name, route) => {
      const target = targetOf(kind)
      const ask = async (of: Target) => {
        const path = route.path
          .replace(":conversationId", of.conversationId)
          .replace(":messageId", of.messageId)
          .replace(":emoji", encodeURIComponent("👍"))
        const type = route.kind === "frame" ? route.type : ""
        const { emoji: _emoji, ...body } = { ...FIELDS[type as RequestType], ...OF_MESSAGE[type as RequestType] } as Json
        const answered = await apiOf(host, "ann")(route.method, `/${path}`, route.method === "GET" ? {} : { body })
        const headers = [...answered.headers].filter(([name]) => name !== "x-correlation-id" && name !== "date")
        return { status: answered.status, headers, text: plain(answered.text, of) }
      }
      const seen = await ask(target)
      expect(seen).toEqual(await ask(unknownSession))
      expect(seen.status).toBe(404)
    },
  )

  it("is not there for sync and GET messages, with or without a cursor", async () => {
    const target = targetOf(kind)
    const { epoch, change } = {
      epoch: (await host.chat.as({ userId: "bob" }).get(target.conversationId)).head.split(".")[0],
      change: 1,
    }
    for (const cursor of ["", `@${epoch}.${change}`, "@garbage", `&a=${target.messageId}@1.5`]) {
      const ask = async (of: Target) => plain((await apiOf(host, "ann")("GET", `/sync?c=${of.conversationId}${cursor}`)).text, of)
      expect(await ask(target)).toBe(await ask(unknownSession))
      expect(await ask(target)).toContain("unsubscribed")
    }
    const messages = async (of: Target) => {
      const answered = await apiOf(host, "ann")("GET", `/messages?sessionId=${of.conversationId}`)
      return [answered.status, plain(answered.text, of)]
    }
    expect(await messages(target)).toEqual(await messages(unknownSession))
  })
})

describe("a foreign message", () => {
  it.each(REQUESTS.filter(({ ofMessage }) => ofMessage).map((request) => [request.type, request] as const))(
    "is not there for %s in a conversation of one's own",
    async (_type, request) => {
      for (const transport of [overWebSocket, overCommands])
        for (const { messageId } of [foreignSession, foreignAnswer, foreignRoom]) {
          const target = { ...mine, messageId }
          const unknown = { ...mine, messageId: unknownSession.messageId }
          const seen = await transport(frameOf(request, target), target)
          expect(seen).toBe(await transport(frameOf(request, unknown), unknown))
          expect(seen).toContain('"code":"message_not_found"')
        }
    },
  )

  it("cannot be replied to", async () => {
    const reply = (replyTo: string): Json => ({
      type: "send_message",
      id: "same",
      conversationId: mine.conversationId,
      clientMessageId: `reply-${replyTo}`,
      text: "re",
      replyTo,
    })
    const seen = await overWebSocket(reply(foreignSession.messageId), foreignSession)
    expect(seen).toBe(await overWebSocket(reply(unknownSession.messageId), unknownSession))
    expect(seen).toContain('"code":"message_not_found"')
  })
})

it("leaving off what one does not follow says nothing about it", async () => {
  const unsubscribe = (target: Target): Json => ({ type: "unsubscribe", id: "same", conversationId: target.conversationId })
  const seen = await overWebSocket(unsubscribe(foreignRoom), foreignRoom)
  expect(seen).toBe(await overWebSocket(unsubscribe(unknownSession), unknownSession))
})

it("a list shows one's own alone, and no name in it stands for another's", async () => {
  const listed = (await apiOf(host, "ann")("GET", "/sessions")).text
  expect(listed).toContain(mine.conversationId)
  expect(listed).not.toContain(foreignSession.conversationId)
  expect(listed).not.toContain("secret")
  // `after` names a conversation: somebody else's is a place in the order and nothing more.
  const after = await apiOf(host, "ann")("GET", `/sessions?after=${Number.MAX_SAFE_INTEGER}.${foreignSession.conversationId}`)
  expect(after.text).not.toContain(foreignSession.conversationId)
})
