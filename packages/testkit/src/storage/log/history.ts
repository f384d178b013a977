/** ConversationLog.history: messages by seq, in both directions, with their reactions. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { ConversationLog, type HistoryPage, type Message } from "@parley/core"
import { ALL, commitOk, createRoom, found, idsOf, message, numbers, put, reactions, ROOM, sendMany, TENANT } from "../fixtures.ts"
import type { StorageCase } from "../fixtures.ts"

type Position = { readonly before: number } | { readonly from: number }
const history = (position: Position, limit: number = ALL.limit, maxBytes: number = ALL.maxBytes) =>
  ConversationLog.use((log) => log.history({ tenant: TENANT, conversation: ROOM, limit, maxBytes, ...position })).pipe(
    Effect.map(found),
  )

const seqsOf = (page: HistoryPage): ReadonlyArray<number> => page.messages.map((each) => each.seq)

export const historyCases: ReadonlyArray<StorageCase> = [
  {
    id: "history.before",
    title: "returns the newest messages below a seq, oldest of them first",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(10)
      for (const [before, limit, expected, more] of [
        [11, 3, [8, 9, 10], true],
        [8, 3, [5, 6, 7], true],
        [4, 3, [1, 2, 3], false],
        [3, 3, [1, 2], false],
        [1, 3, [], false],
        [100, 2, [9, 10], true],
      ] as const) {
        const page = yield* history({ before }, limit)
        Assert.deepEqual([seqsOf(page), page.more], [expected, more], `before ${before}, limit ${limit}`)
      }
    }),
  },
  {
    id: "history.from",
    title: "returns the messages from a seq on, oldest first",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(10)
      for (const [from, limit, expected, more] of [
        [1, 3, [1, 2, 3], true],
        [8, 3, [8, 9, 10], false],
        [7, 3, [7, 8, 9], true],
        [10, 3, [10], false],
        [11, 3, [], false],
        [0, 2, [1, 2], true],
      ] as const) {
        const page = yield* history({ from }, limit)
        Assert.deepEqual([seqsOf(page), page.more], [expected, more], `from ${from}, limit ${limit}`)
      }
    }),
  },
  {
    id: "history.walk",
    title: "walks the same messages in both directions and in pages of every size",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(11)
      const { messages } = yield* history({ from: 1 })
      for (const limit of [1, 2, 4, 11, 12]) {
        const up: Array<Message> = []
        for (let from = 1, more = true; more; from = (up.at(-1)?.seq ?? 0) + 1) {
          const page = yield* history({ from }, limit)
          Assert.ok(page.messages.length > 0, "a page of a walk is empty")
          up.push(...page.messages)
          more = page.more
        }
        const down: Array<Message> = []
        for (let before = 12, more = true; more; before = down[0]?.seq ?? 0) {
          const page = yield* history({ before }, limit)
          Assert.ok(page.messages.length > 0, "a page of a walk is empty")
          down.unshift(...page.messages)
          more = page.more
        }
        Assert.deepEqual(up, messages)
        Assert.deepEqual(down, messages)
      }
    }),
  },
  {
    id: "history.newest-version",
    title: "returns edited messages and tombstones in their places, and nothing that is no message",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(3)
      yield* commitOk({ puts: [put(message("msg_1", "edited"), 3)] })
      yield* commitOk({ puts: [put({ ...message("msg_2"), parts: [], deleted: { by: "ann" } }, 4)] })
      const page = yield* history({ from: 1 })
      Assert.deepEqual(idsOf(page.messages), ["msg_1", "msg_2", "msg_3"])
      Assert.deepEqual(page.messages[0]?.parts, [{ type: "text", text: "edited" }])
      Assert.deepEqual(page.messages[1]?.deleted, { by: "ann" })
      Assert.equal(page.head.change, 7)
    }),
  },
  {
    id: "history.reactions",
    title: "brings the reactions of the messages of the page, newest versions, and of no other",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(4)
      yield* commitOk({ puts: [1, 2, 4].map((n) => put(reactions(`msg_${n}`, { "👍": ["ann"] }))) })
      yield* commitOk({ puts: [put(reactions("msg_2", { "👍": ["ann", "bob"] }), 8)] })
      const page = yield* history({ before: 4 }, 2)
      Assert.deepEqual(seqsOf(page), [2, 3])
      Assert.deepEqual(idsOf(page.reactions), ["rea_2"])
      Assert.deepEqual(page.reactions[0]?.users, { "👍": ["ann", "bob"] })
      const all = yield* history({ from: 1 })
      Assert.deepEqual(idsOf(all.reactions).toSorted(), ["rea_1", "rea_2", "rea_4"])
      Assert.deepEqual((yield* history({ from: 3 }, 1)).reactions, [])
    }),
  },
  {
    id: "history.max-bytes",
    title: "cuts a page by bytes at its far end, but never before its first message",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(6, 1, "x".repeat(10_000))
      for (const [position, first, near] of [
        [{ before: 7 }, [6], [5, 6]],
        [{ from: 1 }, [1], [1, 2]],
      ] as const) {
        const one = yield* history(position, 100, 1)
        Assert.deepEqual([seqsOf(one), one.more], [first, true])
        const page = yield* history(position, 100, 25_000)
        Assert.ok([2, 3].includes(page.messages.length), `${page.messages.length} messages of 10 kB on a page of 25 kB`)
        Assert.equal(page.more, true)
        for (const seq of near) Assert.ok(seqsOf(page).includes(seq), "a page keeps the messages nearest to its position")
        const [lowest, highest] = [seqsOf(page)[0] ?? 0, seqsOf(page).at(-1) ?? 0]
        Assert.deepEqual(seqsOf(page), numbers(lowest, highest))
      }
    }),
  },
  {
    id: "history.empty",
    title: "returns an empty page of a conversation without messages",
    run: Effect.gen(function* () {
      yield* createRoom()
      for (const position of [{ before: 1 }, { before: 100 }, { from: 1 }, { from: 5 }]) {
        const page = yield* history(position, 10)
        Assert.deepEqual([page.messages, page.reactions, page.more, page.head.seq], [[], [], false, 0])
      }
    }),
  },
]
