import { memory } from "@parley/adapters/memory"
import { afterEach, describe, expect, it } from "vitest"
import { textOf } from "../../src/domain/item.ts"
import { type Chat, createChat } from "../../src/facade/create-chat.ts"
import type { PlainBeforeAppend } from "../../src/facade/plain-before-append.ts"
import type { Draft } from "../../src/ports/before-append.ts"
import { quickAi } from "../support/scripted-ai.ts"

const open: Array<Chat> = []
afterEach(async () => {
  for (const chat of open.splice(0)) await chat.close()
})

const start = async (beforeAppend: PlainBeforeAppend) => {
  const logged: Array<string> = []
  const chat = await createChat({ storage: memory(), beforeAppend, log: (entry) => logged.push(JSON.stringify(entry)) })
  open.push(chat)
  const me = chat.as({ userId: "ann" })
  const { id } = await me.createRoom({ type: "private", invite: ["ben"] })
  const texts = async () =>
    (await me.history(id)).messages.flatMap((item) =>
      item.kind === "message" && item.author.kind === "user" ? [textOf(item)] : [],
    )
  return { chat, me, id, texts, logged }
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "ok",
    (error: { readonly code?: string }) => error.code,
  )

const masking =
  (seen: Array<Draft> = []): PlainBeforeAppend =>
  async (draft) => {
    seen.push(draft)
    return draft.text.includes("spam") ? { reject: "no advertising" } : { ...draft, text: draft.text.replaceAll(/\d/gu, "*") }
  }

describe("a look at drafts", () => {
  it("changes what is stored, of sends and of edits", async () => {
    const seen: Array<Draft> = []
    const { me, id, texts } = await start(masking(seen))
    const { messageId, change } = await me.send(id, "card 4242", { metadata: { a: 1 } })
    expect(await texts()).toEqual(["card ****"])
    await me.edit(id, messageId, change, "pin 17")
    expect(await texts()).toEqual(["pin **"])
    const principal = { tenant: "default", userId: "ann", roles: [] }
    expect(seen).toEqual([
      { principal, action: "send", conversation: id, text: "card 4242", metadata: { a: 1 } },
      { principal, action: "edit", conversation: id, messageId, text: "pin 17" },
    ])
  })

  it("refuses, and says why; nothing is stored", async () => {
    const { me, id, texts } = await start(masking())
    await expect(me.send(id, "buy spam")).rejects.toMatchObject({
      code: "message_rejected",
      retryable: false,
      details: { problem: "no advertising" },
    })
    const { messageId, change } = await me.send(id, "hello")
    expect(await codeOf(me.edit(id, messageId, change, "spam after all"))).toBe("message_rejected")
    expect(await texts()).toEqual(["hello"])
  })

  it("is not shown a repeat, which is told by the request and not by what was stored of it", async () => {
    const seen: Array<Draft> = []
    const { me, id, texts } = await start(masking(seen))
    const first = await me.send(id, "card 4242", { clientMessageId: "c1" })
    expect(await me.send(id, "card 4242", { clientMessageId: "c1" })).toEqual(first)
    expect(await codeOf(me.send(id, "card 1717", { clientMessageId: "c1" }))).toBe("idempotency_conflict")
    expect(seen).toHaveLength(1)
    expect(await texts()).toEqual(["card ****"])
  })

  it("is not shown what is refused anyway", async () => {
    const seen: Array<Draft> = []
    const { chat, me, id } = await start(masking(seen))
    const eve = chat.as({ userId: "eve" })
    expect(await codeOf(eve.send(id, "let me in"))).toBe("conversation_not_found")
    expect(await codeOf(me.send(id, "x".repeat(5_001)))).toBe("invalid_request")
    expect(await codeOf(me.send("room_none", "x"))).toBe("conversation_not_found")
    expect(await codeOf(me.edit(id, "msg_none", 1, "x"))).toBe("message_not_found")
    expect(seen).toEqual([])
    const ben = chat.as({ userId: "ben" })
    await ben.join(id)
    const { messageId, change } = await me.send(id, "mine")
    expect(await codeOf(ben.edit(id, messageId, change, "yours"))).toBe("forbidden")
    expect(seen).toHaveLength(1)
  })

  it("decides by its configuration when it fails or is late", async () => {
    const failing: ReadonlyArray<(draft: Draft) => Promise<never>> = [
      () => Promise.reject(new Error("down, while reading: hello")),
      () => new Promise(() => {}),
      async () => undefined as never,
      async () => ({}) as never,
    ]
    for (const check of failing) {
      const closed = await start({ check, timeout: 20 })
      await expect(closed.me.send(closed.id, "hello")).rejects.toMatchObject({ code: "host_unavailable", retryable: true })
      expect(await closed.texts()).toEqual([])
      const opened = await start({ check, timeout: 20, onFailure: "open" })
      expect((await opened.me.send(opened.id, "hello")).messageId).toBeDefined()
      expect(await opened.texts()).toEqual(["hello"])
      expect(closed.logged.join() + opened.logged.join()).not.toContain("hello")
    }
  })

  it("stores nothing that breaks the rules of a message, whoever made it", async () => {
    for (const made of [
      { text: "\0" },
      { text: "\ud800" },
      { text: " " },
      { text: "x".repeat(5_001) },
      { text: "x", metadata: { __proto__x: "\0" } },
    ]) {
      const { me, id, texts } = await start(async (draft) => ({ ...draft, ...made }))
      expect(await codeOf(me.send(id, "hello"))).toBe("internal")
      expect(await texts()).toEqual([])
    }
  })

  it("begins the answer of a session with the text that was stored", async () => {
    let asked = ""
    const chat = await createChat({
      storage: memory(),
      beforeAppend: masking(),
      ai: [{ name: "spy", stream: (request) => ((asked = request.messages.at(-1)?.text ?? ""), quickAi().stream(request)) }],
      log: () => {},
    })
    open.push(chat)
    const me = chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    const { answerId } = await me.send(id, "pin 1234")
    for await (const frame of me.subscribe(id)) {
      const items = frame.type === "changes" ? frame.items : "item" in frame ? [frame.item] : []
      if (items.some((item) => item.id === answerId && item.kind === "message" && item.answer?.state === "complete")) break
    }
    expect(asked).toBe("pin ****")
  })
})
