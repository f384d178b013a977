import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { describe, expect, it } from "vitest"
import { AnswerLeases, ConversationLog, newAnswer, newMessage, type Commit, type ConversationBody } from "@parley/core"
import { memoryStorage } from "@parley/adapters/memory"

const AT = { tenant: "acme", conversation: "ses_1" }
const REF = { ...AT, answer: "msg_answer" }
const session: ConversationBody = {
  kind: "conversation",
  id: "ses_1",
  v: 1,
  type: "session",
  status: "active",
  createdBy: "ann",
  maxMembers: 1,
}
const message = (id: string) => newMessage({ id, author: { kind: "user", id: "ann" }, type: "text", parts: [] })

type Storage = Layer.Success<ReturnType<typeof memoryStorage>>

const run = <A, E>(program: Effect.Effect<A, E, Storage>): Promise<A> =>
  Effect.runPromise(program.pipe(Effect.provide(memoryStorage()), Effect.provide(TestClock.layer())))

const commit = (...items: ReadonlyArray<Commit["puts"][number]["item"]>) =>
  Effect.gen(function* () {
    const log = yield* ConversationLog
    const outcome = yield* log.commit({ ...AT, puts: items.map((item) => ({ item, was: "new" as const })), outbox: [] })
    if (outcome.outcome !== "ok") throw new Error(outcome.outcome)
    return outcome
  })

describe("the store's clock", () => {
  it("never dates a change before the one it follows, even if the clock goes back", () =>
    run(
      Effect.gen(function* () {
        yield* TestClock.setTime(5_000)
        yield* commit(session)
        yield* TestClock.setTime(1_000)
        const { head, items } = yield* commit(message("msg_1"))
        expect([items[0]?.createdAt, items[0]?.updatedAt, head.updatedAt, head.lastSendAt]).toEqual([5_000, 5_000, 5_000, 5_000])
        yield* TestClock.setTime(6_000)
        expect((yield* commit(message("msg_2"))).items[0]?.createdAt).toBe(6_000)
      }),
    ))

  it("dates in whole milliseconds", () =>
    run(
      Effect.gen(function* () {
        yield* TestClock.setTime(1_000.75)
        expect((yield* commit(session)).head.createdAt).toBe(1_000)
      }),
    ))

  it("ends a lease at its last millisecond and not before", () =>
    run(
      Effect.gen(function* () {
        const leases = yield* AnswerLeases
        const answer = newAnswer({ id: "msg_answer", assistant: "ai", turn: "msg_1", variant: 1 })
        yield* (yield* ConversationLog).commit({
          ...AT,
          puts: [
            { item: session, was: "new" },
            { item: answer, was: "new" },
          ],
          leases: [{ answer: "msg_answer", to: "open" }],
          outbox: [],
        })
        expect((yield* leases.claim(REF, 10_000))?.fence).toBe(1)
        yield* TestClock.adjust(9_999)
        expect([yield* leases.claim(REF, 1), yield* leases.expired(1)]).toEqual([undefined, []])
        yield* TestClock.adjust(1)
        expect(yield* leases.expired(1)).toEqual([REF])
        // Nobody took it over, so its owner still has it.
        expect(yield* leases.renew(REF, 1, 10_000)).toBe("held")
        expect(yield* leases.claim(REF, 1)).toBeUndefined()
        yield* TestClock.adjust(10_000)
        expect((yield* leases.claim(REF, 10_000))?.fence).toBe(2)
      }),
    ))

  it("finds a session idle from the very millisecond on", () =>
    run(
      Effect.gen(function* () {
        const log = yield* ConversationLog
        yield* commit(session)
        const idle = log.idle({ type: "session", idleMs: 1_000, limit: 10 })
        yield* TestClock.adjust(999)
        expect(yield* idle).toEqual([])
        yield* TestClock.adjust(1)
        expect(yield* idle).toEqual([AT])
        yield* commit(message("msg_1"))
        expect(yield* idle).toEqual([])
      }),
    ))
})
