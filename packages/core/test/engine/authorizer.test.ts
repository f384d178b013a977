import { memory } from "@parley/adapters/memory"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterEach, describe, expect, it } from "vitest"
import { noTokens, Parley } from "../../src/engine/parley.ts"
import { type Chat, createChat } from "../../src/facade/create-chat.ts"
import type { PlainAuthorizer } from "../../src/facade/plain-authorizer.ts"
import { Authorizer, type AuthorizationRequest } from "../../src/ports/authorizer.ts"
import { ConversationLog } from "../../src/ports/conversation-log.ts"

const open: Array<Chat> = []
afterEach(async () => {
  for (const chat of open.splice(0)) await chat.close()
})

/** A room of the owner ann and the member ben, and how often the log was asked for items since. */
const room = async (authorize?: PlainAuthorizer) => {
  let reads = 0
  const counted = Layer.effect(
    ConversationLog,
    Effect.map(Effect.service(ConversationLog), (log) => ({
      ...log,
      get: (query: Parameters<typeof log.get>[0]) => {
        reads += 1
        return log.get(query)
      },
    })),
  )
  const storage = Layer.provideMerge(counted, memory())
  const chat = await createChat({ storage, log: () => {}, ...(authorize === undefined ? {} : { authorize }) })
  open.push(chat)
  const [ann, ben, eve] = ["ann", "ben", "eve"].map((userId) => chat.as({ userId })) as [
    ReturnType<Chat["as"]>,
    ReturnType<Chat["as"]>,
    ReturnType<Chat["as"]>,
  ]
  const { id } = await ann.createRoom({ type: "private", invite: ["ben"] })
  await ben.join(id)
  return { chat, ann, ben, eve, id, reads: () => reads }
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "ok",
    (error: { readonly code?: string }) => error.code,
  )

describe("an authorizer", () => {
  it("is asked with the principal, the action and the conversation, for whatever acts in one", async () => {
    const asked: Array<AuthorizationRequest> = []
    const { ben, id } = await room(async (request) => {
      asked.push(request)
      return "default"
    })
    const { messageId, change } = await ben.send(id, "hello")
    await ben.edit(id, messageId, change, "hello!")
    await ben.react(id, messageId, "+1")
    await ben.history(id)
    await codeOf(ben.update(id, { name: "mine", invite: ["eve"] }))
    await codeOf(ben.close(id))
    await ben.delete(id, messageId)
    await ben.leave(id)
    await codeOf(ben.deleteConversation("room_none"))
    expect(asked[0]).toEqual({ principal: { tenant: "default", userId: "ben", roles: [] }, action: "send", conversation: id })
    expect(asked.at(-1)).toMatchObject({ action: "delete_conversation", conversation: "room_none" })
    expect(new Set(asked.map(({ action }) => action))).toEqual(
      new Set([
        "send",
        "edit_own",
        "react",
        "read",
        "update",
        "invite",
        "close",
        "delete_own",
        "delete_any",
        "leave",
        "delete_conversation",
      ]),
    )
  })

  it("denies what the table allows: forbidden to a member, and no such conversation to all others", async () => {
    const { ann, eve, id } = await room(async ({ action }) =>
      action === "send" || action === "close" || action === "update" ? "deny" : "default",
    )
    expect(await codeOf(ann.send(id, "x"))).toBe("forbidden")
    expect(await codeOf(ann.close(id))).toBe("forbidden")
    expect(await codeOf(ann.update(id, { name: "x" }))).toBe("forbidden")
    expect(await codeOf(ann.history(id))).toBe("ok")
    expect(await codeOf(eve.send(id, "x"))).toBe("conversation_not_found")
    expect(await codeOf(ann.send("room_none", "x"))).toBe("conversation_not_found")
  })

  it("denies reading as if there were no such conversation, to a subscription too", async () => {
    const { ann, id } = await room(async ({ action }) => (action === "read" ? "deny" : "default"))
    expect(await codeOf(ann.history(id))).toBe("conversation_not_found")
    expect(await codeOf(ann.get(id))).toBe("conversation_not_found")
    expect(await codeOf(ann.subscribe(id).next())).toBe("conversation_not_found")
  })

  it("lends a member an owner's rights, but makes nobody a member and revives nothing", async () => {
    const { ann, ben, eve, id } = await room(async () => "allow")
    const { messageId } = await ann.send(id, "mine")
    expect(await codeOf(ben.update(id, { name: "renamed by a member" }))).toBe("ok")
    expect(await codeOf(ben.delete(id, messageId))).toBe("ok")
    expect(await codeOf(eve.history(id))).toBe("conversation_not_found")
    expect(await codeOf(eve.send(id, "x"))).toBe("conversation_not_found")
    expect(await codeOf(ben.close(id))).toBe("ok")
    expect(await codeOf(ben.send(id, "late"))).toBe("conversation_closed")
    const session = await ann.createSession()
    expect(await codeOf(ann.leave(session.id))).toBe("forbidden")
  })

  it("finds a repeat before it is asked to the end", async () => {
    let ruling: "deny" | "default" = "default"
    const { ann, id } = await room(async () => ruling)
    const first = await ann.send(id, "once", { clientMessageId: "c1" })
    ruling = "deny"
    expect(await ann.send(id, "once", { clientMessageId: "c1" })).toEqual(first)
  })

  it("refuses for now when it fails, answers nonsense or answers nothing", async () => {
    const broken: ReadonlyArray<PlainAuthorizer> = [
      () => Promise.reject(new Error("policy server down")),
      async () => "yes" as never,
      () => {
        throw new Error("at once")
      },
      () => new Promise(() => {}),
    ]
    for (const authorize of broken) {
      const { ann, id } = await room(async (request) => (request.action === "send" ? authorize(request) : "default"))
      await expect(ann.send(id, "x")).rejects.toMatchObject({ code: "host_unavailable", retryable: true })
    }
  })

  it("costs a send no read, present or absent", async () => {
    for (const authorize of [undefined, async () => "default" as const, async () => "allow" as const]) {
      const { ann, id, reads } = await room(authorize)
      await ann.send(id, "warm")
      const before = reads()
      for (let n = 0; n < 5; n++) await ann.send(id, `message ${n}`)
      expect(reads()).toBe(before)
    }
  })

  it("is a layer for Effect users", async () => {
    const layer = Parley.layer({ ai: [] }).pipe(
      Layer.provide([memory(), noTokens, Layer.succeed(Authorizer, { authorize: () => Effect.succeed("deny" as const) })]),
    )
    const ann = { tenant: "default", userId: "ann", roles: [] }
    const program = Effect.gen(function* () {
      const { engine } = yield* Parley
      const { conversationId } = yield* engine.createSession(ann, {})
      return yield* Effect.flip(engine.getHistory(ann, { conversationId }))
    })
    expect(await Effect.runPromise(Effect.provide(program, layer))).toMatchObject({ code: "conversation_not_found" })
  })
})
