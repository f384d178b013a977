import { memoryBus, memoryStorage } from "@parley/adapters/memory"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterEach, describe, expect, it } from "vitest"
import { type Chat, type ChatOptions, createChat } from "../../src/facade/create-chat.ts"
import { ParleyError } from "../../src/facade/parley-error.ts"
import { ConversationLog } from "../../src/ports/conversation-log.ts"
import { storageError } from "../../src/ports/storage-error.ts"
import { quickAi } from "../support/scripted-ai.ts"

const open: Array<Chat> = []
const start = async (options: Partial<ChatOptions> = {}): Promise<Chat> => {
  const chat = await createChat({ storage: Layer.merge(memoryStorage(), memoryBus()), log: () => {}, ...options })
  open.push(chat)
  return chat
}
afterEach(async () => {
  for (const chat of open.splice(0)) await chat.close()
})

/** What a promise was rejected with. */
const failure = async (promise: Promise<unknown>): Promise<ParleyError> => {
  try {
    await promise
  } catch (error) {
    if (ParleyError.is(error)) return error
    throw error
  }
  throw new Error("it was not rejected")
}

describe("a chat", () => {
  it("takes a question, streams its answer and ends", async () => {
    const chat = await start({ ai: [quickAi("quick", ["Hello ", "Ann"])] })
    const me = chat.as({ userId: "ann" })
    const { id } = await me.createSession({ name: "first" })
    const { messageId, seq, answerId } = await me.send(id, "hello?")
    expect(seq).toBe(1)
    for await (const frame of me.subscribe(id)) {
      const items = frame.type === "changes" ? frame.items : "item" in frame ? [frame.item] : []
      const answer = items.find((item) => item.id === answerId)
      if (answer?.kind !== "message" || answer.answer?.state !== "complete") continue
      expect(answer.parts).toEqual([{ type: "text", text: "Hello Ann" }])
      expect(answer.answer.turn).toBe(messageId)
      break
    }
    const { messages } = await me.history(id)
    expect(messages).toHaveLength(2)
  })

  it("fails with codes of the registry, that say whether to try again", async () => {
    const chat = await start()
    const me = chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    const { messageId, change } = await me.send(id, "one", { clientMessageId: "c1" })
    expect((await failure(me.send("ses_none", "x"))).code).toBe("conversation_not_found")
    expect((await failure(me.send(id, "two", { clientMessageId: "c1" }))).code).toBe("idempotency_conflict")
    expect((await failure(me.send(id, "x".repeat(5_001)))).details).toMatchObject({ path: "/text", max: 5_000 })
    await me.edit(id, messageId, change, "edited")
    const conflict = await failure(me.edit(id, messageId, change, "from an old version"))
    expect(conflict).toMatchObject({ code: "edit_conflict", retryable: false })
    expect(conflict.message).toContain("changed since")
    expect((await failure(me.stop(id, messageId))).code).toBe("not_an_answer")
    await me.close(id)
    expect((await failure(me.send(id, "late"))).code).toBe("conversation_closed")
  })

  it("keeps users and tenants apart", async () => {
    const chat = await start()
    const { id } = await chat.as({ userId: "ann" }).createSession()
    expect((await failure(chat.as({ userId: "ben" }).get(id))).code).toBe("conversation_not_found")
    expect((await failure(chat.as({ userId: "ann", tenant: "other" }).get(id))).code).toBe("conversation_not_found")
    expect((await chat.as({ userId: "ann" }).get(id)).conversationId).toBe(id)
  })

  it("is the host's mistake to give a user no name", async () => {
    const chat = await start()
    for (const userId of ["", "x".repeat(129), "a\0b", "\ud800"]) expect(() => chat.as({ userId })).toThrow(TypeError)
  })

  it("rejects with the store's error when the store cannot be opened", async () => {
    const broken = Layer.merge(
      Layer.effectContext(Effect.fail(storageError("unavailable", "no such disk"))),
      Layer.merge(memoryStorage(), memoryBus()),
    )
    await expect(createChat({ storage: broken })).rejects.toMatchObject({ _tag: "StorageError", message: "no such disk" })
  })

  it("says that the store does not answer, and hides why from clients", async () => {
    const down = Effect.fail(storageError("unavailable", "secret path"))
    const storage = Layer.merge(memoryBus(), memoryStorage()).pipe(
      Layer.merge(
        Layer.effect(
          ConversationLog,
          Effect.map(Effect.service(ConversationLog), (log) => ({ ...log, commit: () => down, heads: () => down })),
        ).pipe(Layer.provide(memoryStorage())),
      ),
    )
    const chat = await start({ storage })
    const checked = await failure(chat.check())
    expect(checked).toMatchObject({ code: "storage_unavailable", retryable: true })
    const refused = await failure(chat.as({ userId: "ann" }).createSession())
    expect(refused.code).toBe("storage_unavailable")
    expect(refused.message).not.toContain("secret path")
  })

  it("asks the host who calls, and tells a host that fails from a token that is wrong", async () => {
    const chat = await start({
      authenticate: async (token) => {
        if (token === "broken") throw new Error("key server down")
        return token === "good" ? { userId: "ann" } : undefined
      },
    })
    const ask = (token: string) => Effect.runPromise(Effect.result(chat.gateway.authenticator.authenticate(token)))
    expect(await ask("good")).toMatchObject({ success: { userId: "ann", tenant: "default" } })
    expect(await ask("bad")).toMatchObject({ failure: { reason: "invalid" } })
    expect(await ask("broken")).toMatchObject({ failure: { reason: "unavailable" } })
    const closed = await start()
    expect(await Effect.runPromise(Effect.result(closed.gateway.authenticator.authenticate("good")))).toMatchObject({
      failure: { reason: "invalid" },
    })
  })

  it("logs what failed under the id that the client was given, and never what was said", async () => {
    const entries: Array<string> = []
    const chat = await start({ log: (entry) => entries.push(JSON.stringify(entry)), logLevel: "Debug" })
    const me = chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    await me.send(id, "the secret plan")
    await failure(me.send("ses_none", "the secret plan"))
    expect(entries.join("\n")).not.toContain("the secret plan")
  })

  it("closes once, and fails afterwards", async () => {
    const chat = await start()
    const me = chat.as({ userId: "ann" })
    await chat.close()
    await chat.close()
    await expect(me.createSession()).rejects.toThrow()
  })
})
