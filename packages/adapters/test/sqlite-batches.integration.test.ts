import { createHmac, randomBytes } from "node:crypto"
import { once } from "node:events"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Commit, StorageError } from "@parley/core"
import { makeConversationLog } from "../src/sqlite/conversation-log.ts"
import { makeFingerprint } from "../src/internal/fingerprint.ts"
import { openStore } from "../src/sqlite/store.ts"
import { createRoom, message, removeDirectory, ROOM, send, temporaryDirectory, TENANT } from "./sqlite-support.ts"

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(() => removeDirectory(directory))

type Log = ReturnType<typeof makeConversationLog>
interface Opened {
  readonly log: Log
  /** Committed since the store was opened. */
  readonly transactions: () => number
}

const withStore = <A>(use: (opened: Opened) => Effect.Effect<A, StorageError, Scope.Scope>, maxBatch?: number) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const store = yield* openStore({ directory, ...(maxBatch === undefined ? {} : { maxBatch }) })
        const log = makeConversationLog(store.reader, store.writer, store.now)
        yield* log.commit(createRoom())
        const before = store.writer.transactions()
        return yield* use({ log, transactions: () => store.writer.transactions() - before })
      }),
    ),
  )

const all = (log: Log, commits: ReadonlyArray<Commit>) =>
  Effect.all(
    commits.map((commit) => Effect.result(log.commit(commit))),
    { concurrency: "unbounded" },
  )
const sends = (count: number) => Array.from({ length: count }, (_, n) => send(`msg_${n + 1}`))
const seqs = (results: ReadonlyArray<{ readonly _tag: string }>) =>
  results.map((result) =>
    "success" in result ? (result.success as { readonly head?: { readonly seq: number } }).head?.seq : "failed",
  )

describe("a batch", () => {
  it("carries the commits of one tick in one transaction, in the order they were issued", async () => {
    const [results, transactions] = await withStore(({ log, transactions }) =>
      Effect.map(all(log, sends(200)), (done) => [done, transactions()] as const),
    )
    expect(seqs(results)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1))
    expect(transactions).toBe(1)
  })

  it("holds 256 commits at most", async () => {
    const transactions = await withStore(({ log, transactions }) => Effect.map(all(log, sends(1000)), transactions))
    expect(transactions).toBe(4)
  })

  it("ends once it holds a mebibyte", async () => {
    const large = Array.from({ length: 8 }, (_, n) => send(`msg_${n}`, ROOM, "x".repeat(400_000)))
    const transactions = await withStore(({ log, transactions }) => Effect.map(all(log, large), transactions))
    expect(transactions).toBe(3)
  })

  it("gives each commit a transaction of its own when told so", async () => {
    const transactions = await withStore(({ log, transactions }) => Effect.map(all(log, sends(50)), transactions), 1)
    expect(transactions).toBe(50)
  })

  it("decides each commit by itself: a refused one changes nothing, and later ones see earlier ones", async () => {
    const edit = (was: number): Commit => ({ ...send("edit"), puts: [{ was, item: message("msg_1", "edited") }] })
    const [results, page] = await withStore(({ log }) =>
      Effect.all([
        all(log, [
          send("msg_1"),
          { ...send("x"), expectAccess: 9 },
          { ...edit(1), key: { scope: "a", id: "b", request: "" } },
          edit(2),
          send("msg_1"),
          send("msg_2"),
        ]),
        log.history({ tenant: TENANT, conversation: ROOM, from: 1, limit: 10, maxBytes: 1e6 }),
      ]),
    )
    expect(results.map((result) => (result._tag === "Success" ? result.success.outcome : result.failure))).toEqual([
      "ok",
      "stale_access",
      "conflict",
      "ok",
      "repeat",
      "ok",
    ])
    expect(page?.messages).toMatchObject([
      { id: "msg_1", change: 3, seq: 1, parts: [{ text: "edited" }] },
      { id: "msg_2", change: 4, seq: 2 },
    ])
  })

  it("fails a commit that breaks a rule of the schema alone", async () => {
    // Ids within a commit are distinct by contract; this one breaks it, and the index of ids refuses the second.
    const poisoned: Commit = { ...send("twice"), puts: [1, 2].map(() => ({ was: "new", item: message("twice") })) }
    const [results, stored] = await withStore(({ log }) =>
      Effect.all([
        all(log, [send("msg_1"), poisoned, send("msg_2"), send("msg_3")]),
        log.changes({ tenant: TENANT, conversation: ROOM, after: 0, limit: 10, maxBytes: 1e6 }),
      ]),
    )
    expect(seqs(results)).toEqual([1, "failed", 2, 3])
    expect(results[1]).toMatchObject({ failure: { _tag: "StorageError", reason: "internal" } })
    expect(stored?.items.map(({ id, change }) => [id, change])).toEqual([
      [ROOM, 1],
      ["msg_1", 2],
      ["msg_2", 3],
      ["msg_3", 4],
    ])
  })
})

describe("reading", () => {
  it("goes on while writes wait, and sees what was acknowledged before", async () => {
    const seen = await withStore(({ log }) =>
      Effect.gen(function* () {
        yield* log.commit(send("msg_0"))
        // A foreign transaction holds the database, so that the batch below stays under way for as long as it wants.
        const foreign = new DatabaseSync(join(directory, "parley.sqlite"))
        foreign.exec("BEGIN IMMEDIATE")
        const writing = yield* Effect.forkChild(log.commit(send("msg_1")), { startImmediately: true })
        const history = log.history({ tenant: TENANT, conversation: ROOM, from: 1, limit: 10, maxBytes: 1e6 })
        const during: Array<number | undefined> = []
        for (let turn = 0; turn < 20; turn++) {
          during.push((yield* history)?.messages.length)
          yield* Effect.sleep(1)
        }
        const stillWriting = writing.pollUnsafe() === undefined
        foreign.exec("ROLLBACK")
        foreign.close()
        yield* Fiber.join(writing)
        return { during, stillWriting, after: (yield* history)?.messages.length }
      }),
    )
    expect(seen).toEqual({ during: Array.from({ length: 20 }, () => 1), stillWriting: true, after: 2 })
  })

  it("leaves no transaction open, also when a page is cut, so that the log can be written back and emptied", async () => {
    const { pages, foreign } = await withStore(({ log }) =>
      Effect.gen(function* () {
        yield* all(log, sends(100))
        const at = { tenant: TENANT, conversation: ROOM, limit: 50, maxBytes: 500 }
        const cut = [
          yield* log.changes({ ...at, after: 0 }),
          yield* log.history({ ...at, from: 1 }),
          yield* log.history({ ...at, before: 90 }),
        ]
        const shell = new DatabaseSync(join(directory, "parley.sqlite"))
        const checkpoint = shell.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()
        shell.close()
        return { pages: cut.map((page) => page?.more), foreign: checkpoint }
      }),
    )
    expect(pages).toEqual([true, true, true])
    expect(foreign).toMatchObject({ busy: 0, log: 0 })
  })
})

describe("a writer that dies", () => {
  it("fails what waits and whatever comes later as unavailable, while reads go on", async () => {
    const created = once(process, "worker")
    const results = await withStore(({ log }) =>
      Effect.gen(function* () {
        const [worker] = (yield* Effect.promise(() => created)) as [Worker]
        const waiting = yield* Effect.forkChild(all(log, sends(3)), { startImmediately: true })
        yield* Effect.promise(() => worker.terminate())
        const later = yield* Effect.result(log.commit(send("msg_later")))
        const { heads } = yield* log.heads([{ tenant: TENANT, conversation: ROOM }])
        return { failed: [...(yield* Fiber.join(waiting)), later], heads }
      }),
    )
    expect(results.failed).toHaveLength(4)
    for (const result of results.failed) expect(result).toMatchObject({ failure: { reason: "unavailable" } })
    expect(results.heads).toMatchObject([{ id: ROOM, change: 1 }])
  })
})

describe("a fingerprint", () => {
  it("is the HMAC-SHA256 of the request", () => {
    const key = randomBytes(32)
    const fingerprint = makeFingerprint(key)
    for (const request of ["", "hello", "日本語 🎉", "x".repeat(5000)])
      expect(fingerprint(request)).toEqual(createHmac("sha256", key).update(request).digest())
  })
})
