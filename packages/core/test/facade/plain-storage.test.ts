import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { memoryStorage } from "@parley/adapters/memory"
import { conversationLogCases, eventBusCases, outboxCases } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"
import { describe, expect, it } from "vitest"
import { createChat, type LogEntry } from "../../src/facade/create-chat.ts"
import type { PlainBus } from "../../src/facade/plain-bus.ts"
import { type PlainStorage, plainStorage } from "../../src/facade/plain-storage.ts"
import { AnswerLeases } from "../../src/ports/answer-leases.ts"
import { ConversationLog } from "../../src/ports/conversation-log.ts"
import { EventBus } from "../../src/ports/event-bus.ts"
import { Outbox } from "../../src/ports/outbox.ts"

/** The reference store as a plain object: every Effect run as a promise. Nobody closes it, so that the wrapping alone has to refuse what comes later. */
const plainMemory = async (): Promise<PlainStorage> => {
  const scope = Scope.makeUnsafe()
  const context = await Effect.runPromise(Layer.buildWithScope(memoryStorage(), scope))
  const port = <Shape extends object>(shape: Shape) =>
    Object.fromEntries(
      Object.entries(shape).map(([name, operation]) => [
        name,
        typeof operation === "function"
          ? (...input: ReadonlyArray<unknown>) =>
              Effect.runPromise((operation as (...given: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>)(...input))
          : operation,
      ]),
    )
  return {
    durability: "none",
    log: port(Context.get(context, ConversationLog)) as unknown as PlainStorage["log"],
    leases: port(Context.get(context, AnswerLeases)) as unknown as PlainStorage["leases"],
    outbox: port(Context.get(context, Outbox)) as unknown as PlainStorage["outbox"],
  }
}

const subject = {
  name: "promises over memory",
  layer: () => Layer.unwrap(Effect.map(Effect.promise(plainMemory), plainStorage)),
}

conformance("ConversationLog", conversationLogCases)(subject)
conformance("Outbox", outboxCases)(subject)
conformance("EventBus", eventBusCases)({ ...subject, name: "the bus inside one process" })

/** Names of listeners' events, delivered a task later, to those who left too. */
const carelessBus = (): PlainBus => {
  const listeners = new Set<Parameters<PlainBus["subscribe"]>[0]>()
  return {
    publish: (event) => {
      for (const listener of listeners) setImmediate(() => listener.onEvent(event))
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return { follow: () => {}, unfollow: () => {}, close: () => {} }
    },
  }
}

conformance(
  "EventBus",
  eventBusCases,
)({
  name: "a plain bus that forgets nobody",
  layer: () => Layer.unwrap(Effect.map(Effect.promise(plainMemory), (plain) => plainStorage({ ...plain, bus: carelessBus() }))),
})

describe("a plain storage", () => {
  it("fails by the reason of what its functions reject with or throw, else as unavailable", async () => {
    const plain = await plainMemory()
    const readWith = (read: PlainStorage["outbox"]["read"]) =>
      Effect.runPromise(
        Effect.flip(
          Effect.provide(
            Outbox.use((outbox) => outbox.read(0, 1)),
            plainStorage({ ...plain, outbox: { read } }),
          ),
        ),
      )
    for (const reason of ["unavailable", "closed", "corrupt", "internal"]) {
      const thrown = Object.assign(new Error("as told"), { reason })
      expect(await readWith(() => Promise.reject(thrown))).toEqual({
        _tag: "StorageError",
        reason,
        message: "as told",
        cause: thrown,
      })
    }
    for (const thrown of [new Error("lost"), Object.assign(new Error("x"), { reason: "constructor" }), "lost", null, undefined])
      expect((await readWith(() => Promise.reject(thrown))).reason).toBe("unavailable")
    const thrown = await readWith(() => {
      throw Object.assign(new Error("at once"), { reason: "corrupt" })
    })
    expect(thrown).toMatchObject({ reason: "corrupt", message: "at once" })
  })

  it("keeps the `this` of a store that is a class", async () => {
    class Facts {
      private readonly rows = [{ type: "message_sent", position: 1, tenant: "t", conversation: "c", at: 1 }] as const
      async read() {
        return this.rows
      }
    }
    const layer = plainStorage({ ...(await plainMemory()), outbox: new Facts() })
    expect(
      await Effect.runPromise(
        Effect.provide(
          Outbox.use((outbox) => outbox.read(0, 1)),
          layer,
        ),
      ),
    ).toHaveLength(1)
  })

  it("is refused at once when a function is missing, which is named", async () => {
    const plain = await plainMemory()
    const { history: _history, ...log } = plain.log
    await expect(createChat({ storage: { ...plain, log: log as PlainStorage["log"] } })).rejects.toThrow("log.history")
    await expect(createChat({ storage: { ...plain, leases: undefined as never } })).rejects.toThrow("leases.claim")
  })

  it("is closed once, with its chat; a close that fails is logged and no reason to fail", async () => {
    let closes = 0
    const entries: Array<LogEntry> = []
    const chat = await createChat({
      storage: {
        ...(await plainMemory()),
        close: async () => {
          closes += 1
          throw new Error("the disk is gone")
        },
      },
      log: (entry) => entries.push(entry),
    })
    const me = chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    expect((await me.send(id, "hello")).seq).toBe(1)
    expect(closes).toBe(0)
    await chat.close()
    await chat.close()
    expect(closes).toBe(1)
    expect(entries.flatMap((entry) => entry.message)).toContain("the storage could not be closed")
  })

  it("keeps a send whose bus throws", async () => {
    const bus: PlainBus = {
      publish: () => {
        throw new Error("no bus today")
      },
      subscribe: () => ({ follow: () => {}, unfollow: () => {}, close: () => {} }),
    }
    const entries: Array<LogEntry> = []
    const chat = await createChat({ storage: { ...(await plainMemory()), bus }, log: (entry) => entries.push(entry) })
    const me = chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    expect((await me.send(id, "hello")).seq).toBe(1)
    expect((await me.history(id)).messages).toHaveLength(1)
    expect(entries.flatMap((entry) => entry.message)).toContain("the bus threw when it was to publish")
    await chat.close()
  })

  it("gives each chat the bus of its own process when it brings none", async () => {
    const layer = plainStorage(await plainMemory())
    const bus = await Effect.runPromise(Effect.provide(Effect.service(EventBus), layer))
    expect(() => bus.publish({ type: "answers" })).not.toThrow()
  })
})
