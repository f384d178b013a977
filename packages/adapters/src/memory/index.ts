/**
 * `@parley/adapters/memory`: the reference adapters, for tests and for trying Parley out. Nothing is kept when the layer
 * closes, and nothing is dropped before: memory grows with what is written.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AnswerLeases, ConversationLog, EventBus, Outbox, System, makeLocalBus } from "@parley/core"
import { makeAnswerLeases } from "./answer-leases.ts"
import { makeConversationLog } from "./conversation-log.ts"
import { closeDatabase, makeDatabase } from "./database.ts"
import { makeOutbox } from "./outbox.ts"

export { memoryOneTimeKeys } from "./one-time-keys.ts"

/** The durable ports over one fresh database, which every build of the layer makes anew. */
export const memoryStorage = (): Layer.Layer<ConversationLog | AnswerLeases | Outbox> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const system = yield* System
      // An epoch is letters and digits; the two other letters of an id lose a little randomness here.
      const epoch = system.randomId("").replace(/[-_]/gu, "0")
      const database = yield* Effect.acquireRelease(
        Effect.sync(() => makeDatabase(epoch)),
        (opened) => Effect.sync(() => closeDatabase(opened)),
      )
      return Context.make(ConversationLog, makeConversationLog(database)).pipe(
        Context.add(AnswerLeases, makeAnswerLeases(database)),
        Context.add(Outbox, makeOutbox(database)),
      )
    }),
  )

/** A bus inside this process. Nodes of a cluster need one that crosses processes. */
export const memoryBus = (): Layer.Layer<EventBus> => Layer.effect(EventBus, makeLocalBus)

/** Everything a chat in one process needs, kept in memory: what `createChat` takes as its storage. */
export const memory = (): Layer.Layer<ConversationLog | AnswerLeases | Outbox | EventBus> =>
  Layer.merge(memoryStorage(), memoryBus())
