/** Outbox: a fact stands there exactly when its commit is `ok`. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { FACT_TYPES, Outbox, type OutboxFact, type OutboxRow } from "@parley/core"
import { commit, commitOk, createRoom, expectOutcome, message, numbers, put, ROOM, TENANT, type StorageCase } from "./fixtures.ts"

const read = (after = 0, limit = 1_000) => Outbox.use((outbox) => outbox.read(after, limit))

const factsOf = (rows: ReadonlyArray<OutboxRow>) => rows.map(({ position: _position, at: _at, ...fact }) => fact)

const checkPositions = (rows: ReadonlyArray<OutboxRow>, after = 0): void => {
  let last = after
  for (const { position } of rows) {
    Assert.ok(Number.isSafeInteger(position) && position > last, `position ${position} follows ${last}`)
    last = position
  }
}

const sent = (id: string): OutboxFact => ({ type: "message_sent", actor: "ann", itemId: id })

export const outboxCases: ReadonlyArray<StorageCase> = [
  {
    id: "outbox.empty",
    title: "reads nothing from an empty outbox, nor after its last row",
    run: Effect.gen(function* () {
      Assert.deepEqual(yield* read(), [])
      yield* createRoom(ROOM, { outbox: [{ type: "room_created" }] })
      const [row] = yield* read()
      Assert.deepEqual(yield* read(row?.position), [])
    }),
  },
  {
    id: "outbox.facts",
    title: "returns the facts of each commit in their order, with their place and the commit's time",
    run: Effect.gen(function* () {
      yield* createRoom(ROOM, { outbox: [{ type: "room_created", actor: "ann" }] })
      const facts: ReadonlyArray<OutboxFact> = [
        sent("msg_1"),
        { type: "member_invited", actor: "ann", subject: "__proto__", itemId: "mem_😀" },
        { type: "answer_ended" },
      ]
      const { head } = yield* commitOk({ puts: [put(message("msg_1"))], outbox: facts })
      const rows = yield* read()
      checkPositions(rows)
      Assert.deepEqual(
        factsOf(rows),
        [{ type: "room_created", actor: "ann" }, ...facts].map((fact) => ({ ...fact, tenant: TENANT, conversation: ROOM })),
      )
      Assert.deepEqual(
        rows.slice(1).map((row) => row.at),
        [head.updatedAt, head.updatedAt, head.updatedAt],
      )
    }),
  },
  {
    id: "outbox.types",
    title: "takes every type of fact",
    run: Effect.gen(function* () {
      yield* createRoom(ROOM, { outbox: FACT_TYPES.map((type) => ({ type })) })
      Assert.deepEqual(
        (yield* read()).map((row) => row.type),
        FACT_TYPES,
      )
    }),
  },
  {
    id: "outbox.only-ok",
    title: "keeps no fact of a commit that is refused or a repeat",
    run: Effect.gen(function* () {
      yield* createRoom()
      const key = { scope: "ann", id: "c1", request: "hello" }
      yield* commitOk({ puts: [put(message("msg_1"))], key, outbox: [sent("msg_1")] })
      const outbox = [sent("msg_2")]
      expectOutcome(yield* commit({ puts: [put(message("msg_2"))], key, outbox }), "repeat")
      expectOutcome(yield* commit({ puts: [put(message("msg_2"), 9)], outbox }), "conflict")
      expectOutcome(yield* commit({ puts: [put(message("msg_2"))], expectAccess: 9, outbox }), "stale_access")
      expectOutcome(yield* commit({ puts: [put(message("msg_2"))], requires: ["msg_none"], outbox }), "missing")
      expectOutcome(yield* commit({ conversation: "room_none", outbox }), "missing")
      expectOutcome(yield* commit({ fence: { answer: "msg_1", fence: 1 }, outbox }), "fenced")
      expectOutcome(yield* commit({ members: { delta: 1, max: 1 }, outbox }), "room_full")
      Assert.deepEqual(
        (yield* read()).map((row) => row.itemId),
        ["msg_1"],
      )
    }),
  },
  {
    id: "outbox.without-puts",
    title: "keeps the facts of a commit that puts nothing",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* commitOk({ outbox: [{ type: "answer_stopped", itemId: "msg_1" }] })
      Assert.deepEqual(
        (yield* read()).map((row) => row.type),
        ["answer_stopped"],
      )
    }),
  },
  {
    id: "outbox.pages",
    title: "pages by position without a gap or a repeat",
    run: Effect.gen(function* () {
      yield* createRoom()
      for (const n of numbers(1, 7)) yield* commitOk({ puts: [put(message(`msg_${n}`))], outbox: [sent(`msg_${n}`)] })
      const all = yield* read()
      for (const limit of [1, 2, 3, 7, 8]) {
        const pages: Array<OutboxRow> = []
        for (let page = yield* read(0, limit); page.length > 0; page = yield* read(pages.at(-1)?.position, limit)) {
          Assert.ok(page.length <= limit)
          checkPositions(page, pages.at(-1)?.position)
          pages.push(...page)
        }
        Assert.deepEqual(pages, all)
      }
    }),
  },
  {
    id: "outbox.commit-order",
    title: "keeps the order of the commits of a conversation, and hides no row that comes later",
    run: Effect.gen(function* () {
      yield* createRoom()
      const followed: Array<OutboxRow> = []
      const writers = Effect.forEach(
        numbers(1, 40),
        (n) => commitOk({ puts: [put(message(`msg_${n}`))], outbox: [sent(`msg_${n}`)] }),
        { concurrency: 8 },
      )
      // A follower that only ever asks for what comes after its last row.
      const follow = Effect.gen(function* () {
        for (let tries = 0; followed.length < 40 && tries < 2_000; tries++) {
          followed.push(...(yield* read(followed.at(-1)?.position ?? 0, 3)))
          yield* tries % 10 === 9 ? Effect.sleep(1) : Effect.yieldNow
        }
      })
      const [outcomes] = yield* Effect.all([writers, follow], { concurrency: 2 })
      const inOrder = outcomes.flatMap((each) => each.items).toSorted((a, b) => a.change - b.change)
      Assert.deepEqual(
        followed.map((row) => row.itemId),
        inOrder.map((each) => each.id),
      )
    }),
  },
]
