/** ConversationLog, AnswerLeases and Outbox: what holds when the store closes and when it opens again. */
import * as Assert from "node:assert/strict"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { AnswerLeases, ConversationLog, Outbox, type StorageError } from "@parley/core"
import {
  ALL,
  answer,
  commit,
  commitOf,
  commitOk,
  createRoom,
  everything,
  expectOutcome,
  message,
  put,
  ROOM,
  send,
  TENANT,
  type StorageCase,
} from "../fixtures.ts"

const AT = { tenant: TENANT, conversation: ROOM }
const REF = { ...AT, answer: "msg_answer" }

export const lifeCases: ReadonlyArray<StorageCase> = [
  {
    id: "life.closed",
    title: "fails every operation as closed once its layer has closed",
    run: (layer) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(layer, scope)
        yield* Effect.provideContext(createRoom(), context)
        yield* Scope.close(scope, Exit.void)
        const log = Context.get(context, ConversationLog)
        const leases = Context.get(context, AnswerLeases)
        const operations: Record<string, Effect.Effect<unknown, StorageError>> = {
          commit: log.commit(commitOf({ puts: [put(message("msg_1"))] })),
          get: log.get({ ...AT, items: [] }),
          changes: log.changes({ ...AT, after: 0, ...ALL }),
          history: log.history({ ...AT, before: 10, ...ALL }),
          members: log.members({ ...AT, limit: 1 }),
          heads: log.heads([AT]),
          list: log.list({ tenant: TENANT, userId: "ann", types: ["group"], statuses: ["joined"], limit: 1 }),
          idle: log.idle({ type: "session", idleMs: 0, limit: 1 }),
          claim: leases.claim(REF, 1),
          renew: leases.renew(REF, 1, 1),
          release: leases.release(REF, 1),
          expired: leases.expired(1),
          open: leases.open(TENANT, ROOM),
          read: Context.get(context, Outbox).read(0, 1),
        }
        for (const [name, operation] of Object.entries(operations)) {
          const error = yield* Effect.flip(operation)
          Assert.deepEqual([error._tag, error.reason], ["StorageError", "closed"], `${name} after the close`)
        }
      }),
  },
  {
    id: "life.fresh",
    title: "starts empty",
    run: Effect.gen(function* () {
      const log = yield* ConversationLog
      Assert.equal(yield* log.changes({ ...AT, after: 0, ...ALL }), undefined)
      Assert.deepEqual(yield* AnswerLeases.use((leases) => leases.expired(10)), [])
      Assert.deepEqual(yield* Outbox.use((outbox) => outbox.read(0, 10)), [])
      Assert.match((yield* log.heads([])).epoch, /^[0-9A-Za-z]{1,32}$/u)
    }),
  },
  {
    id: "life.reopen",
    title: "finds everything again when the store is opened again, and goes on counting",
    needs: ["reopen"],
    run: (layer) =>
      Effect.gen(function* () {
        const key = { scope: "ann", id: "c1", request: "hello" }
        const wide = { scope: "ann", id: "create", request: "r", tenantWide: true }
        const observe = Effect.gen(function* () {
          const log = yield* ConversationLog
          return {
            log: yield* everything(),
            history: yield* log.history({ ...AT, before: 100, ...ALL }),
            members: yield* log.members({ ...AT, limit: 10 }),
            heads: yield* log.heads([AT]),
            open: yield* AnswerLeases.use((leases) => leases.open(TENANT, ROOM)),
            facts: yield* Outbox.use((outbox) => outbox.read(0, 100)),
          }
        })
        const before = yield* Effect.provide(
          Effect.gen(function* () {
            yield* createRoom(ROOM, { key: wide, outbox: [{ type: "room_created" }] })
            yield* send("msg_1", { key, outbox: [{ type: "message_sent", itemId: "msg_1" }] }, "Zwölf 😀")
            yield* commitOk({ puts: [put(answer("msg_answer"))], leases: [{ answer: "msg_answer", to: "open" }], revokes: true })
            yield* AnswerLeases.use((leases) =>
              Effect.andThen(leases.claim(REF, 3_600_000), leases.renew(REF, 1, 3_600_000, { revision: 1, text: "so far" })),
            )
            yield* createRoom("room_erased")
            yield* commitOk({ conversation: "room_erased", erase: true })
            return yield* observe
          }),
          layer,
          { local: true },
        )
        yield* Effect.provide(
          Effect.gen(function* () {
            Assert.deepEqual(yield* observe, before)
            Assert.equal(expectOutcome(yield* commit({ key }), "repeat").same, true, "the fingerprint's key is kept")
            Assert.equal(expectOutcome(yield* commit({ key: { ...key, request: "x" } }), "repeat").same, false)
            expectOutcome(yield* commit({ conversation: "room_2", key: wide }), "repeat")
            Assert.equal(yield* AnswerLeases.use((leases) => leases.claim(REF, 1)), undefined, "the lease runs on")
            const sent = yield* send("msg_2", { outbox: [{ type: "message_sent", itemId: "msg_2" }] })
            Assert.deepEqual([sent.head.change, sent.head.seq, sent.head.epoch], [5, 3, before.log.head.epoch])
            const rows = yield* Outbox.use((outbox) => outbox.read(before.facts.at(-1)?.position ?? 0, 10))
            Assert.deepEqual(
              rows.map((row) => row.itemId),
              ["msg_2"],
            )
            Assert.equal(
              yield* ConversationLog.use((log) => log.get({ tenant: TENANT, conversation: "room_erased", items: [] })),
              undefined,
            )
          }),
          layer,
          { local: true },
        )
      }),
  },
]
