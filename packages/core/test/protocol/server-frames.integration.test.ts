/** What a real server says in a life of a few seconds, over every transport, held against the schemas that describe it. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { expect, it, onTestFinished } from "vitest"
import { type AiEvent, createChat } from "@parley/core"
import { serve } from "@parley/adapters/http"
import { memory } from "@parley/adapters/memory"
import type { AnswerFields, Conversation, Member, Message } from "../../src/domain/index.ts"
import type { ErrorBody } from "../../src/protocol/errors.ts"
import type { AnswerTextFrame, ChangesFrame, WelcomeFrame, WireReactions } from "../../src/protocol/frames.ts"
import { REPLIES } from "../../src/protocol/replies.ts"
import type { InputOf, RequestType } from "../../src/protocol/requests.ts"
import { SERVER_FRAMES } from "../../src/protocol/server-frames.ts"
import type * as Items from "../../src/protocol/wire-items.ts"

type Frame = Readonly<Record<string, any>>
// The types name the same fields: this compiles only while they do.
type Same<A, B> = [keyof A, keyof B] extends [keyof B, keyof A] ? true : never
const SAME: [
  Same<Message, (typeof Items.Message)["Type"]>,
  Same<WireReactions, (typeof Items.Reactions)["Type"]>,
  Same<Member, (typeof Items.Member)["Type"]>,
  Same<Conversation, (typeof Items.Conversation)["Type"]>,
  Same<AnswerFields, NonNullable<(typeof Items.Message)["Type"]["answer"]>>,
  Same<ChangesFrame, (typeof SERVER_FRAMES)["changes"]["Type"]>,
  Same<AnswerTextFrame, (typeof SERVER_FRAMES)["answer_delta"]["Type"]>,
  Same<ErrorBody, (typeof SERVER_FRAMES)["error"]["Type"]["error"]>,
  Same<WelcomeFrame, (typeof SERVER_FRAMES)["welcome"]["Type"]>,
] = [true, true, true, true, true, true, true, true, true]

/** Strict: a field that nobody described is as wrong as a missing one. */
const fit = (schema: Schema.Top, value: unknown): void =>
  void Schema.decodeUnknownSync(schema as Schema.Codec<unknown>, { onExcessProperty: "error" })(value)

const seen = new Set<string>()
const answered = new Set<string>()
const problems: Array<string> = []

const look = (frame: Frame, request?: string): void => {
  const type = String(frame["type"])
  const schema = (SERVER_FRAMES as Record<string, Schema.Top>)[type]
  seen.add(type)
  try {
    if (schema === undefined) throw new Error("nobody described it")
    fit(schema, frame)
    if (type !== "reply" || request === undefined) return
    const { type: _type, id: _id, ...rest } = frame
    answered.add(request)
    fit(REPLIES[request as keyof typeof REPLIES], rest)
  } catch (error) {
    problems.push(`${request ?? ""} ${JSON.stringify(frame)}: ${String(error)}`)
  }
}

const openChat = async () => {
  const events = Effect.runSync(Queue.unbounded<AiEvent>())
  const push = (...all: ReadonlyArray<AiEvent>): void => {
    for (const event of all) Queue.offerUnsafe(events, event)
  }
  const chat = await createChat({
    storage: memory(),
    ai: [{ name: "scripted", stream: () => Stream.fromQueue(events).pipe(Stream.takeUntil(({ type }) => type === "finished")) }],
    authenticate: async (token) => (token === "nobody" ? undefined : { userId: token }),
    limits: { maxChangesBehind: 3 },
  })
  const server = createServer()
  const served = serve(chat, server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(async () => {
    await served.close()
    server.closeAllConnections()
    server.close()
    await chat.close()
  })
  return { chat, served, push, base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat` }
}

/** A client that looks at all it gets. */
const connect = async (base: string, token: string) => {
  const socket = new WebSocket(`${base.replace("http", "ws")}/ws`)
  const frames: Array<Frame> = []
  const asked = new Map<string, string>()
  const waiting = new Set<() => void>()
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)))
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data)) as Frame
    frames.push(frame)
    look(frame, asked.get(String(frame["id"])))
    for (const wake of waiting) wake()
  })
  await new Promise((resolve) => socket.addEventListener("open", resolve))
  const find = (fits: (frame: Frame) => boolean): Promise<Frame> =>
    new Promise((resolve) => {
      const wake = (): void => {
        const found = frames.find(fits)
        if (found === undefined) return
        waiting.delete(wake)
        resolve(found)
      }
      waiting.add(wake)
      wake()
    })
  const ask = <T extends RequestType>(type: T, input: InputOf<T>): Promise<Frame> => {
    const id = `q${asked.size}`
    asked.set(id, type)
    socket.send(JSON.stringify({ type, id, ...input }))
    return find((frame) => frame["id"] === id)
  }
  await ask("authenticate", { token })
  return { socket, frames, closed, find, ask }
}

const answerState = (frame: Frame) => frame["item"]?.answer?.state

it("says nothing but what its schemas describe, and all of it", async () => {
  const { chat, served, push, base } = await openChat()
  const ann = await connect(base, "ann")
  const headers = { authorization: "Bearer ann", "content-type": "application/json" }

  const context = { clientName: "Acme", serviceTypes: ["advice"], customFields: { deep: [1, { a: null }] } }
  const { conversationId } = await ann.ask("create_session", { name: "first", context })
  await ann.ask("subscribe", { conversationId })
  const send = (text: string, clientMessageId: string, metadata = {}) =>
    ann.ask("send_message", { conversationId, clientMessageId, text, metadata })
  const sent = await send("tell me", "c1", { nested: { a: [1] } })
  push({ type: "started", model: "m-1" }, { type: "text", text: "It is " })
  await ann.find((frame) => frame["type"] === "answer_delta")

  // Somebody who comes in mid-answer: a snapshot over a stream, and over a poll.
  const stream = await fetch(`${base}/events?c=${conversationId}`, { headers })
  const streamed = (async () => {
    let text = ""
    for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) text += chunk
    for (const [, data = ""] of text.matchAll(/^data: (.*)$/gmu)) look(JSON.parse(data) as Frame)
  })()
  const polled = (await (await fetch(`${base}/sync?c=${conversationId}`, { headers })).json()) as { frames: Array<Frame> }
  for (const frame of polled.frames) look(frame)

  push({ type: "text", text: "so." }, { type: "source", source: { type: "source", title: "t", uri: "u", score: 0.5 } })
  push({ type: "usage", usage: { inputTokens: 3, outputTokens: 2 } }, { type: "finished", reason: "stop", model: "m-1" })
  await ann.find((frame) => answerState(frame) === "complete")
  await send("tell me", "c1", { nested: { a: [1] } })
  await ann.ask("edit_message", { conversationId, messageId: sent["itemId"], base: sent["change"], text: "tell me, please" })
  await ann.ask("message_reaction", { conversationId, messageId: sent["itemId"], emoji: "👍" })
  await ann.ask("regenerate_answer", { conversationId, messageId: sent["answer"].itemId })
  const second = await ann.find((frame) => frame["type"] === "new_message" && frame["item"].answer?.variant === 2)
  await ann.ask("stop_answer", { conversationId, messageId: second["item"].id })
  await ann.find((frame) => answerState(frame) === "stopped")
  await ann.ask("delete_message", { conversationId, messageId: sent["itemId"] })
  await ann.ask("get_history", { conversationId })
  await ann.ask("list_conversations", {})
  await ann.ask("subscribe", { conversationId, cursor: "wrong.1" })
  await ann.find((frame) => frame["type"] === "resync")
  const { epoch, head } = await ann.ask("subscribe", { conversationId })
  await ann.ask("subscribe", { conversationId, cursor: `${epoch}.${head - 1}` })
  await ann.find((frame) => frame["type"] === "changes" && frame["window"] === undefined)

  const room = (await ann.ask("create_room", { roomType: "private", invite: ["ben"] }))["conversationId"] as string
  await ann.ask("subscribe", { conversationId: room })
  const ben = await connect(base, "ben")
  await ben.ask("join_room", { conversationId: room })
  await ann.find((frame) => frame["type"] === "member_changed")
  await ben.ask("subscribe", { conversationId: room })
  await ann.ask("update_conversation", { conversationId: room, name: "ours" })
  await ben.ask("leave_room", { conversationId: room })
  await ben.find((frame) => frame["type"] === "unsubscribed")
  await ann.ask("unsubscribe", { conversationId: room })
  await ann.ask("close_conversation", { conversationId: room })
  await ann.ask("delete_conversation", { conversationId: room })
  expect(await ann.ask("get_history", { conversationId: room })).toMatchObject({ error: { code: "conversation_not_found" } })
  await ann.ask("ping", {})
  ann.socket.send("{")
  await ann.find((frame) => frame["type"] === "error" && frame["id"] === undefined)

  const commands = [
    { type: "list_conversations", id: "1", limit: 1 },
    { type: "ping", id: "2" },
    { type: "ping", id: "3", more: 1 },
  ]
  const batch = await fetch(`${base}/commands`, { method: "POST", headers, body: JSON.stringify(commands) })
  for (const [i, reply] of ((await batch.json()) as { replies: Array<Frame> }).replies.entries()) look(reply, commands[i]?.type)

  await chat.drain()
  await served.close()
  await Promise.all([ann.closed, ben.closed, streamed])
  expect(problems).toEqual([])
  expect([...seen].toSorted()).toEqual(Object.keys(SERVER_FRAMES).toSorted())
  expect([...answered].toSorted()).toEqual(Object.keys(REPLIES).toSorted())
  expect(SAME).not.toContain(false)
})
