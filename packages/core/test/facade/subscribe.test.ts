/** A subscription as an async iterable: what it gives, how it waits, and that nothing is left of it. */
import { memoryBus, memoryStorage } from "@parley/adapters/memory"
import * as Layer from "effect/Layer"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Chat, createChat } from "../../src/facade/create-chat.ts"
import type { ConversationFrame } from "../../src/facade/frame-stream.ts"
import { ParleyError } from "../../src/facade/parley-error.ts"
import type { UserChat } from "../../src/facade/user-chat.ts"
import { quickAi } from "../support/scripted-ai.ts"

const LIMITS = { maxQueuedBytes: 20_000, pageBytes: 4_000 }

let chat: Chat
let me: UserChat
let id: string
beforeEach(async () => {
  chat = await createChat({
    storage: Layer.merge(memoryStorage(), memoryBus()),
    limits: LIMITS,
    timing: { drain: 50, headsInterval: 50 },
    log: () => {},
  })
  me = chat.as({ userId: "ann" })
  id = (await me.createRoom({ type: "private", name: "room" })).id
})
afterEach(() => chat.close())

const changesOf = (frame: ConversationFrame): ReadonlyArray<number> =>
  frame.type === "changes" ? frame.items.map((item) => item.change) : "change" in frame ? [frame.change] : []

describe("a subscription", () => {
  it("begins with a window, and goes on with what happens", async () => {
    await me.send(id, "before")
    const frames = me.subscribe(id)
    const first = await frames.next()
    expect(first.value).toMatchObject({ type: "changes", window: { from: 1 } })
    await me.send(id, "after")
    for await (const frame of frames)
      if (frame.type === "new_message") {
        expect(frame.item).toMatchObject({ parts: [{ type: "text", text: "after" }] })
        break
      }
  })

  it("goes on from a cursor without repeating what is held", async () => {
    const { change } = await me.send(id, "held")
    await me.send(id, "new")
    const epoch = (await me.get(id)).head.split(".")[0]
    const { value } = await me.subscribe(id, { cursor: `${epoch}.${change}` }).next()
    expect(value).toMatchObject({ type: "changes", after: change, items: [{ parts: [{ type: "text", text: "new" }] }] })
  })

  it("waits for a consumer that is slow: what it holds stays within the bound, and nothing is lost", async () => {
    const frames = me.subscribe(id)
    await frames.next()
    const sends = Array.from({ length: 300 }, (_, i) => me.send(id, `${i} `.padEnd(500, "x")))
    const last = (await Promise.all(sends)).at(-1)!
    const seen = new Set<number>()
    let waited = 0
    for await (const frame of frames) {
      for (const change of changesOf(frame)) seen.add(change)
      if (frame.type === "changes") waited++
      if (seen.has(last.change)) break
    }
    expect(seen.size).toBe(300)
    expect(waited).toBeGreaterThan(1)
  })

  it("is gone from the gateway when its consumer leaves, at any moment", async () => {
    const busy = me.subscribe(id)
    await busy.next()
    expect(chat.gateway.connections()).toBe(1)
    await busy.return?.()
    const untouched = me.subscribe(id)
    await untouched.return?.()
    await untouched.return?.()
    expect(await untouched.next()).toEqual({ done: true, value: undefined })
    for await (const _ of me.subscribe(id)) break
    const thrown = async () => {
      for await (const _ of me.subscribe(id)) throw new Error("the consumer's own")
    }
    await expect(thrown()).rejects.toThrow("the consumer's own")
    expect(chat.gateway.connections()).toBe(0)
  })

  it("ends a wait that is under way when it is left", async () => {
    const frames = me.subscribe(id)
    await frames.next()
    const waiting = frames.next()
    await frames.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
  })

  it("answers calls of next that come before the frames do, each with its own", async () => {
    const frames = me.subscribe(id)
    await frames.next()
    const waiting = [frames.next(), frames.next(), frames.next()]
    for (const text of ["1", "2", "3"]) await me.send(id, text)
    const values = (await Promise.all(waiting)).map(({ value }) => value as ConversationFrame)
    expect(values.flatMap(changesOf)).toEqual([3, 4, 5])
    await frames.return?.()
  })

  it("of a conversation that is not the user's fails with its code", async () => {
    const stranger = chat.as({ userId: "eve" })
    for (const unknown of [id, "room_none"])
      await expect(stranger.subscribe(unknown).next()).rejects.toMatchObject({
        name: "ParleyError",
        code: "conversation_not_found",
      })
    expect(chat.gateway.connections()).toBe(0)
  })

  it("ends after saying so when access is lost", async () => {
    await me.update(id, { invite: ["ben"] })
    const ben = chat.as({ userId: "ben" })
    await ben.join(id)
    const frames = ben.subscribe(id)
    await frames.next()
    await ben.leave(id)
    const rest: Array<ConversationFrame> = []
    for await (const frame of frames) rest.push(frame)
    expect(rest.at(-1)).toMatchObject({ type: "unsubscribed", conversationId: id })
    expect(chat.gateway.connections()).toBe(0)
  })

  it("ends after saying so when the conversation is deleted", async () => {
    const frames = me.subscribe(id)
    await frames.next()
    await me.deleteConversation(id)
    const rest: Array<ConversationFrame> = []
    for await (const frame of frames) rest.push(frame)
    expect(rest.at(-1)).toMatchObject({ type: "unsubscribed" })
  })

  it("fails as draining when the chat drains or closes, and so does one that begins then", async () => {
    const frames = me.subscribe(id)
    await frames.next()
    const next = frames.next()
    const failed = next.catch((error: unknown) => error)
    await chat.drain()
    const error = await failed
    expect(ParleyError.is(error) && [error.code, error.retryable]).toEqual(["draining", true])
    await expect(me.subscribe(id).next()).rejects.toMatchObject({ code: "draining" })
    expect(await frames.next()).toEqual({ done: true, value: undefined })
  })

  it("fails as draining when the chat is closed without a drain", async () => {
    const frames = me.subscribe(id)
    await frames.next()
    const failed = frames.next().catch((error: unknown) => error)
    await chat.close()
    expect(await failed).toMatchObject({ code: "draining" })
  })

  it("brings the text of an answer as it grows, from where the client holds it", async () => {
    const own = await createChat({
      storage: Layer.merge(memoryStorage(), memoryBus()),
      ai: [quickAi("quick", ["a", "b", "c"])],
      log: () => {},
    })
    const asker = own.as({ userId: "ann" })
    const session = await asker.createSession()
    const frames = asker.subscribe(session.id)
    await frames.next()
    const { answerId } = await asker.send(session.id, "?")
    let shown = ""
    for await (const frame of frames) {
      if ((frame.type === "answer_delta" || frame.type === "answer_snapshot") && frame.messageId === answerId) {
        expect(frame.offset).toBeLessThanOrEqual(shown.length)
        shown = shown.slice(0, frame.offset) + frame.text
      }
      if (frame.type !== "message_updated" || frame.item.kind !== "message") continue
      if (frame.item.answer?.state !== "complete") continue
      expect(frame.item.parts).toEqual([{ type: "text", text: "abc" }])
      break
    }
    expect("abc".startsWith(shown)).toBe(true)
    expect(shown).not.toBe("")
    await own.close()
  })
})
