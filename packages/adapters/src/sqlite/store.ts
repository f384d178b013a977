/** An open SQLite store: the lock, the writer's thread and the read connection, opened in that order and closed in the reverse. */
import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StorageError } from "@parley/core"
import { lockDatabase } from "./lock.ts"
import { openReader, type Reader } from "./reader.ts"
import { storageFailure } from "./storage-failure.ts"
import { MAX_WRITES } from "./write-queue.ts"
import { openWriterClient, type WriterClient } from "./writer-client.ts"

export interface SqliteOptions {
  /** Where the database lies; made with mode 700 when it is not there. */
  readonly directory: string
  /** The database's name in it: `parley.sqlite` unless given. */
  readonly file?: string
  /**
   * How many writes may share a transaction, and so its fsync: 256 unless given. 1 gives each write its own, which only
   * a comparison has a use for.
   */
  readonly maxBatch?: number
}

export interface SqliteStore {
  readonly reader: Reader
  readonly writer: WriterClient
  /** The store's clock as this thread knows it: never behind a time that a write was given. */
  readonly now: () => number
}

/** For steps that throw what `storageFailure` understands. */
export const attempt = <A>(doing: string, run: () => A): Effect.Effect<A, StorageError> =>
  Effect.try({ try: run, catch: (error) => storageFailure(doing, error) })

export const openStore = ({
  directory,
  file: name = "parley.sqlite",
  maxBatch = MAX_WRITES,
}: SqliteOptions): Effect.Effect<SqliteStore, StorageError, Scope.Scope> =>
  Effect.gen(function* () {
    const file = join(resolve(directory), name)
    yield* attempt(`make ${directory}`, () => mkdirSync(directory, { recursive: true, mode: 0o700 }))
    yield* Effect.acquireRelease(
      attempt(`lock ${file}`, () => lockDatabase(file)),
      (lock) => Effect.sync(lock.release),
    )
    const writer = yield* Effect.acquireRelease(openWriterClient(file, Math.max(1, maxBatch)), (opened) => opened.close)
    const reader = yield* Effect.acquireRelease(
      attempt(`open ${file}`, () => openReader(file)),
      // The reader goes before the writer: the last connection writes the WAL back into the database and removes it.
      (opened) => Effect.sync(opened.close),
    )
    // Added last, so run first: what was issued is finished before anything closes.
    yield* Effect.addFinalizer(() => writer.drain)
    return { reader, writer, now: () => Math.max(Date.now(), writer.now()) }
  })
