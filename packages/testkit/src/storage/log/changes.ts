/** ConversationLog.changes: whole items after a cursor, in order, each once, in pages. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { ConversationLog, type ChangesPage, type Item } from "@parley/core"
import {
  ALL,
  commitOk,
  createRoom,
  everything,
  found,
  idsOf,
  message,
  numbers,
  put,
  ROOM,
  send,
  sendMany,
  TENANT,
} from "../fixtures.ts"
import type { StorageCase } from "../fixtures.ts"

const changes = (after: number, limit: number = ALL.limit, maxBytes: number = ALL.maxBytes) =>
  ConversationLog.use((log) => log.changes({ tenant: TENANT, conversation: ROOM, after, limit, maxBytes })).pipe(
    Effect.map(found),
  )

/** What holds for every page, whatever was written. */
const checkPage = (page: ChangesPage, after: number): void => {
  let previous = after
  for (const { change } of page.items) {
    Assert.ok(change > previous, `change ${change} follows ${previous}`)
    previous = change
  }
  Assert.ok(page.upTo >= previous, `upTo ${page.upTo} is below the last item's change ${previous}`)
  Assert.equal(new Set(idsOf(page.items)).size, page.items.length, "an item comes once")
  if (!page.more) Assert.equal(page.upTo, page.head.change, "without more, a page reaches head")
  if (page.more)
    Assert.ok(page.upTo < page.head.change && page.upTo > after, "with more, a page ends between the cursor and head")
}

const readAll = (limit: number, maxBytes: number = ALL.maxBytes) =>
  Effect.gen(function* () {
    const read: Array<Item> = []
    for (let after = 0; ;) {
      const page = yield* changes(after, limit, maxBytes)
      checkPage(page, after)
      read.push(...page.items)
      after = page.upTo
      if (!page.more) return read
    }
  })

export const changesCases: ReadonlyArray<StorageCase> = [
  {
    id: "changes.after",
    title: "returns what changed after the cursor, up to head",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(5)
      const page = yield* changes(4)
      checkPage(page, 4)
      Assert.deepEqual(idsOf(page.items), ["msg_3", "msg_4", "msg_5"])
      Assert.deepEqual([page.upTo, page.more, page.head.change], [7, false, 7])
    }),
  },
  {
    id: "changes.at-head",
    title: "returns an empty page at head",
    run: Effect.gen(function* () {
      yield* createRoom()
      const page = yield* changes(2)
      Assert.deepEqual([page.items, page.upTo, page.more], [[], 2, false])
    }),
  },
  {
    id: "changes.compact",
    title: "returns an item that changed several times once, in its newest version and place",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(3)
      yield* commitOk({ puts: [put(message("msg_1", "second"), 3)] })
      const third = yield* commitOk({ puts: [put(message("msg_1", "third"), 6)] })
      for (const after of [0, 2, 3, 5, 6]) {
        const page = yield* changes(after)
        checkPage(page, after)
        const versions = page.items.filter((each) => each.id === "msg_1")
        Assert.deepEqual(versions, third.items, `after ${after}`)
        Assert.deepEqual(page.items.at(-1), third.items[0])
      }
      Assert.deepEqual(
        (yield* changes(0)).items.map((each) => each.change),
        [1, 2, 4, 5, 7],
      )
    }),
  },
  {
    id: "changes.compact-many",
    title: "stays compact when items change hundreds of times",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(10)
      const newest = new Map(numbers(1, 10).map((n) => [`msg_${n}`, n + 2]))
      for (const round of numbers(1, 30)) {
        const ids = [...newest.keys()].filter((_, index) => (index + round) % 3 === 0)
        const { items } = yield* commitOk({ puts: ids.map((id) => put(message(id, `round ${round}`), newest.get(id) ?? 0)) })
        for (const each of items) newest.set(each.id, each.change)
      }
      const expected = [...newest.entries()].sort((a, b) => a[1] - b[1])
      for (const limit of [1, 3, 100]) {
        const read = (yield* readAll(limit)).filter((each) => each.kind === "message")
        Assert.deepEqual(
          read.map((each) => [each.id, each.change]),
          expected,
        )
      }
    }),
  },
  {
    id: "changes.limit",
    title: "pages by limit without a gap or a repeat, and says more exactly when there is more",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(8)
      const all = (yield* everything()).items
      for (const limit of [1, 2, 3, 5, 9, 10, 11]) {
        const page = yield* changes(0, limit)
        checkPage(page, 0)
        Assert.deepEqual(page.items, all.slice(0, limit))
        Assert.equal(page.more, limit < 10, `limit ${limit} of 10`)
        Assert.deepEqual(yield* readAll(limit), all)
      }
    }),
  },
  {
    id: "changes.more-after-edit",
    title: "says no more when nothing but replaced versions is left behind the page",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(2)
      yield* commitOk({ puts: [put(message("msg_1", "edited"), 3)] })
      const page = yield* changes(2, 2)
      Assert.deepEqual(idsOf(page.items), ["msg_2", "msg_1"])
      Assert.deepEqual([page.upTo, page.more], [5, false])
    }),
  },
  {
    id: "changes.max-bytes",
    title: "cuts a page by bytes, but never before its first item",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(6, 1, "x".repeat(10_000))
      // Two fit below the mark; whether the one that passes it still goes on the page is the adapter's choice.
      const page = yield* changes(2, 100, 25_000)
      checkPage(page, 2)
      Assert.ok([2, 3].includes(page.items.length), `${page.items.length} items of 10 kB on a page of 25 kB`)
      Assert.equal(page.more, true)
      const one = yield* changes(2, 100, 1)
      checkPage(one, 2)
      Assert.equal(one.items.length, 1, "an item larger than the page comes alone")
      Assert.deepEqual(yield* readAll(100, 1), (yield* everything()).items)
      Assert.deepEqual(yield* readAll(100, 25_000), (yield* everything()).items)
    }),
  },
  {
    id: "changes.snapshot",
    title: "reads one consistent state while writers write",
    run: Effect.gen(function* () {
      yield* createRoom()
      const writer = Effect.forEach(
        numbers(1, 60),
        // Lets the reader in between, also where a commit is done at once.
        (n) => Effect.andThen(send(`msg_${n}`), Effect.yieldNow),
        { concurrency: 4, discard: true },
      )
      const reader = Effect.forEach(
        numbers(1, 40),
        () =>
          Effect.gen(function* () {
            const page = yield* changes(2)
            checkPage(page, 2)
            Assert.deepEqual(
              page.items.map((each) => each.change),
              numbers(3, page.head.change),
              "a page holds every change of its head and none of a later one",
            )
            Assert.equal(page.head.seq, page.head.change - 2)
            yield* Effect.yieldNow
          }),
        { discard: true },
      )
      yield* Effect.all([writer, reader], { concurrency: 2, discard: true })
    }),
  },
  {
    id: "changes.immutable",
    title: "never alters what it gave to a reader",
    run: Effect.gen(function* () {
      yield* createRoom()
      yield* sendMany(3)
      const held = yield* everything()
      const copy = structuredClone(held)
      yield* commitOk({ puts: [put(message("msg_2", "edited"), 4)], revokes: true })
      yield* sendMany(40, 4)
      Assert.deepEqual(held, copy)
    }),
  },
  {
    id: "changes.acknowledged",
    title: "shows an acknowledged commit to every later read",
    run: Effect.gen(function* () {
      yield* createRoom()
      const log = yield* ConversationLog
      yield* Effect.forEach(
        numbers(1, 20),
        (n) =>
          Effect.gen(function* () {
            const sent = (yield* send(`msg_${n}`)).items[0]
            const at = { tenant: TENANT, conversation: ROOM }
            Assert.deepEqual((yield* log.get({ ...at, items: [`msg_${n}`] }))?.items[0], sent)
            const { heads } = yield* log.heads([at])
            Assert.ok((heads[0]?.change ?? 0) >= (sent?.change ?? 0))
            const page = yield* changes((sent?.change ?? 0) - 1, 1)
            Assert.deepEqual(page.items, [sent])
          }),
        { concurrency: 5, discard: true },
      )
    }),
  },
]
