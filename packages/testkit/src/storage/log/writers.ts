/** ConversationLog: many writers at the same time, on one conversation and on many. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { bodyOf, ConversationLog, type Message } from "@parley/core"
import {
  commitOf,
  createRoom,
  everything,
  expectOutcome,
  item,
  message,
  numbers,
  put,
  send,
  type StorageCase,
} from "../fixtures.ts"

export const writerCases: ReadonlyArray<StorageCase> = [
  {
    id: "numbers.pipelined",
    title: "applies commits that one caller issues without waiting in the order of issue",
    run: Effect.gen(function* () {
      yield* createRoom()
      const log = yield* ConversationLog
      const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
      for (const n of numbers(1, 50))
        fibers.push(
          yield* Effect.forkChild(log.commit(commitOf({ puts: [put(message(`msg_${n}`))] })), { startImmediately: true }),
        )
      yield* Effect.forEach(fibers, Fiber.join)
      const messages = (yield* everything()).items.filter((each) => each.kind === "message")
      Assert.deepEqual(
        messages.map((each) => [each.id, each.seq]),
        numbers(1, 50).map((n) => [`msg_${n}`, n]),
      )
    }),
  },
  {
    id: "numbers.concurrent-senders",
    title: "stays dense under many senders to one conversation, and tells each the number of its own message",
    run: Effect.gen(function* () {
      yield* createRoom()
      const outcomes = yield* Effect.forEach(numbers(1, 60), (n) => send(`msg_${n}`), { concurrency: "unbounded" })
      const seqs = outcomes.map(({ items: [sent] }) => (sent as Message).seq)
      Assert.deepEqual(
        seqs.toSorted((a, b) => a - b),
        numbers(1, 60),
      )
      const log = yield* everything()
      Assert.deepEqual(
        log.items.map((each) => each.change),
        numbers(1, 62),
      )
      for (const { items } of outcomes) Assert.deepEqual(log.items[(items[0]?.change ?? 0) - 1], items[0])
    }),
  },
  {
    id: "numbers.concurrent-conversations",
    title: "numbers each of many conversations by itself while all are written to",
    run: Effect.gen(function* () {
      const rooms = numbers(1, 8).map((n) => `room_${n}`)
      yield* Effect.forEach(rooms, (room) => createRoom(room), { concurrency: "unbounded" })
      const sends = numbers(1, 12).flatMap((n) => rooms.map((room) => ({ room, n })))
      yield* Effect.forEach(sends, ({ room, n }) => send(`msg_${room}_${n}`, { conversation: room }), {
        concurrency: "unbounded",
      })
      for (const room of rooms) {
        const log = yield* everything({ conversation: room })
        Assert.deepEqual([log.head.change, log.head.seq], [14, 12])
        Assert.deepEqual(
          log.items.map((each) => each.change),
          numbers(1, 14),
        )
      }
    }),
  },
  {
    id: "numbers.lost-update",
    title: "loses no update of writers who read, change and compare",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* send("msg_1")
      const log = yield* ConversationLog
      const increment = Effect.gen(function* () {
        for (;;) {
          const current = (yield* item("msg_1")) as Message
          const next = { ...bodyOf(current), edits: (current.edits ?? 0) + 1 }
          // Between the read and the write, so that the others get in between.
          yield* Effect.yieldNow
          const outcome = yield* log.commit(commitOf({ puts: [put(next, current.change)] }))
          if (outcome.outcome === "ok") return
          expectOutcome(outcome, "conflict")
        }
      })
      yield* Effect.forEach(numbers(1, 12), () => increment, { concurrency: "unbounded" })
      Assert.equal(((yield* item("msg_1")) as Message).edits, 12)
      Assert.equal((yield* everything()).head.change, 15)
    }),
  },
]
