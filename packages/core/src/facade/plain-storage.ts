/**
 * A storage without Effect: an object of async functions, named like the operations of the ports and held to the same contracts. Open it before
 * it is given to `createChat`; `close` is called once, when the chat closes.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AnswerLeases, type AnswerLeasesShape } from "../ports/answer-leases.ts"
import { ConversationLog, type ConversationLogShape, type Durability } from "../ports/conversation-log.ts"
import { EventBus } from "../ports/event-bus.ts"
import { Outbox, type OutboxShape } from "../ports/outbox.ts"
import { type StorageError, storageError } from "../ports/storage-error.ts"
import { makeLocalBus } from "../engine/local-bus.ts"
import { makePlainBus, type PlainBus } from "./plain-bus.ts"

/** An operation of a port that returns a promise. What it rejects with becomes a StorageError: by its `reason`, else `unavailable`. */
type Async<Operation> = Operation extends (...input: infer Input) => Effect.Effect<infer Result, StorageError>
  ? (...input: Input) => Promise<Result>
  : never

/** The operations of a port as async functions. */
export type PlainPort<Shape> = { readonly [Name in keyof Shape]: Async<Shape[Name]> }

export interface PlainStorage {
  readonly durability: Durability
  readonly log: PlainPort<Omit<ConversationLogShape, "durability">>
  readonly leases: PlainPort<AnswerLeasesShape>
  readonly outbox: PlainPort<OutboxShape>
  /** Default: a bus inside this process. */
  readonly bus?: PlainBus
  readonly close?: () => Promise<void>
}

/** @throws TypeError when an operation is missing: better now than at the first read. */
export const plainStorage = (storage: PlainStorage): Layer.Layer<ConversationLog | AnswerLeases | Outbox | EventBus> => {
  checkComplete(storage)
  const { durability, log, leases, outbox } = storage
  return Layer.effectContext(
    Effect.gen(function* () {
      let closed = false
      yield* Effect.addFinalizer(() => {
        closed = true
        return closeStorage(storage)
      })

      const lift =
        <Input extends ReadonlyArray<unknown>, Result>(operation: (...input: Input) => Promise<Result>) =>
        (...input: Input): Effect.Effect<Result, StorageError> =>
          Effect.suspend(() =>
            closed
              ? Effect.fail(CLOSED)
              : // Async, so that a function that throws instead of rejecting, or returns its result bare, is understood too.
                Effect.tryPromise({ try: async () => operation(...input), catch: storageErrorOf }),
          )

      return Context.make(
        ConversationLog,
        ConversationLog.of({
          durability,
          commit: lift((commit) => log.commit(commit)),
          get: lift((query) => log.get(query)),
          changes: lift((query) => log.changes(query)),
          history: lift((query) => log.history(query)),
          members: lift((query) => log.members(query)),
          heads: lift((ids) => log.heads(ids)),
          list: lift((query) => log.list(query)),
          idle: lift((query) => log.idle(query)),
        }),
      ).pipe(
        Context.add(
          AnswerLeases,
          AnswerLeases.of({
            claim: lift((ref, leaseMs) => leases.claim(ref, leaseMs)),
            renew: lift((ref, fence, leaseMs, checkpoint) => leases.renew(ref, fence, leaseMs, checkpoint)),
            release: lift((ref, fence) => leases.release(ref, fence)),
            expired: lift((limit) => leases.expired(limit)),
            open: lift((tenant, conversation) => leases.open(tenant, conversation)),
          }),
        ),
        Context.add(Outbox, Outbox.of({ read: lift((after, limit) => outbox.read(after, limit)) })),
        Context.add(EventBus, yield* storage.bus === undefined ? makeLocalBus : makePlainBus(storage.bus)),
      )
    }),
  )
}

const CLOSED = storageError("closed", "the storage was closed with its chat")

const closeStorage = (storage: PlainStorage): Effect.Effect<void> =>
  Effect.catchCause(
    Effect.promise(async () => storage.close?.()),
    (cause) => Effect.logError("the storage could not be closed", cause),
  )

const REASONS: ReadonlySet<unknown> = new Set<StorageError["reason"]>(["unavailable", "closed", "corrupt", "internal"])

const storageErrorOf = (cause: unknown): StorageError => {
  const { reason, message } = (cause ?? {}) as { readonly reason?: unknown; readonly message?: unknown }
  return storageError(
    REASONS.has(reason) ? (reason as StorageError["reason"]) : "unavailable",
    typeof message === "string" ? message : "the storage rejected without an error",
    cause,
  )
}

const OPERATIONS = {
  log: ["commit", "get", "changes", "history", "members", "heads", "list", "idle"],
  leases: ["claim", "renew", "release", "expired", "open"],
  outbox: ["read"],
} as const satisfies { readonly [Port in "log" | "leases" | "outbox"]: ReadonlyArray<keyof PlainStorage[Port]> }

const checkComplete = (storage: PlainStorage): void => {
  for (const [port, names] of Object.entries(OPERATIONS))
    for (const name of names) {
      const operations = storage[port as keyof typeof OPERATIONS] as { readonly [name: string]: unknown } | undefined
      if (typeof operations?.[name] !== "function")
        throw new TypeError(`The storage has no function ${port}.${name}; docs/writing-an-adapter.md lists what it needs.`)
    }
}
