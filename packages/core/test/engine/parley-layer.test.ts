import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { memory } from "@parley/adapters/memory"
import { describe, expect, it } from "vitest"
import { noTokens, Parley } from "../../src/engine/parley.ts"
import { type Chat, chatOf } from "../../src/facade/create-chat.ts"
import { storageError } from "../../src/ports/storage-error.ts"
import { ConversationLog } from "../../src/ports/conversation-log.ts"

const ann = { tenant: "default", userId: "ann", roles: [] }
const live = Parley.layer({ ai: [], limits: { maxMessageLength: 10 } }).pipe(Layer.provide([memory(), noTokens]))

describe("the core as a layer", () => {
  it("gives the engine, whose failures are told apart by their tag", async () => {
    const program = Effect.gen(function* () {
      const { engine, limits } = yield* Parley
      const { conversationId } = yield* engine.createSession(ann, {})
      const { seq } = yield* engine.sendMessage(ann, { conversationId, text: "hello", clientMessageId: "c1" })
      const refused = yield* Effect.flip(engine.getHistory({ ...ann, userId: "ben" }, { conversationId }))
      return { seq, refused, max: limits.maxMessageLength }
    })
    expect(await Effect.runPromise(Effect.provide(program, live))).toMatchObject({
      seq: 1,
      refused: { _tag: "ChatError", code: "conversation_not_found" },
      max: 10,
    })
  })

  it("takes no token without an authenticator", async () => {
    const program = Effect.flatMap(Effect.service(Parley), ({ gateway }) =>
      Effect.flip(gateway.authenticator.authenticate("any")),
    )
    expect((await Effect.runPromise(Effect.provide(program, live))).reason).toBe("invalid")
  })

  it("lends the other door to transports, which ends with the layer and not before", async () => {
    let lent: Chat | undefined
    const program = Effect.gen(function* () {
      const chat = (lent = yield* chatOf)
      yield* Effect.promise(async () => {
        const { id } = await chat.as({ userId: "ann" }).createSession()
        await chat.close()
        expect((await chat.as({ userId: "ann" }).send(id, "hello")).seq).toBe(1)
        await expect(chat.as({ userId: "ben" }).send(id, "x")).rejects.toMatchObject({ code: "conversation_not_found" })
      })
    })
    await Effect.runPromise(Effect.provide(program, live))
    await expect(lent?.check()).rejects.toMatchObject({ code: "storage_unavailable" })
  })

  it("fails with the error of the store's layer", async () => {
    const broken = Layer.effect(ConversationLog, Effect.fail(storageError("unavailable", "no such disk")))
    const layer = Parley.layer({ ai: [] }).pipe(Layer.provide([broken, noTokens]), Layer.provide(memory()))
    const error = await Effect.runPromise(Effect.flip(Effect.provide(Effect.service(Parley), layer)))
    expect(error).toMatchObject({ _tag: "StorageError", message: "no such disk" })
  })
})
