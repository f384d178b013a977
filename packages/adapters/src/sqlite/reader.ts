/**
 * The read connection, on the main thread: a read takes microseconds, less than handing it to a thread, and in WAL mode it
 * never waits for the writer. Every read is one short transaction, because one left open would keep the WAL from shrinking.
 */
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from "node:sqlite"
import * as Effect from "effect/Effect"
import { storageError, type StorageError } from "@parley/core"
import { storageFailure } from "./storage-failure.ts"

/** Only recovery after a crash and foreign tools ever make a reader wait; the event loop waits with it. */
const BUSY_MS = 250
const CACHE_KIB = 16 * 1024

type Row = Record<string, SQLOutputValue>

/** A statement with the type of its rows. */
export interface Query<A> {
  readonly one: (...parameters: ReadonlyArray<SQLInputValue>) => A | undefined
  readonly all: (...parameters: ReadonlyArray<SQLInputValue>) => ReadonlyArray<A>
  /** Rows as they are found, so that a page that is full stops the search. */
  readonly each: (...parameters: ReadonlyArray<SQLInputValue>) => Iterable<A>
}

export interface Reader {
  readonly database: DatabaseSync
  /** Compiled once. The columns of `sql` are the caller's word for `A`. */
  readonly query: <A extends Row>(sql: string) => Query<A>
  /** Runs `read` on one consistent snapshot. `doing` names it in errors. */
  readonly snapshot: <A>(doing: string, read: () => A) => Effect.Effect<A, StorageError>
  readonly close: () => void
}

/** Throws what `storageFailure` understands. The writer has opened the database before, so the tables are there. */
export const openReader = (file: string): Reader => {
  const database = new DatabaseSync(file, { timeout: BUSY_MS, enableForeignKeyConstraints: false })
  database.exec(`PRAGMA query_only = ON; PRAGMA cache_size = -${CACHE_KIB}`)
  const begin = database.prepare("BEGIN")
  const end = database.prepare("COMMIT")
  let closed: StorageError | undefined

  const run = <A>(doing: string, read: () => A): Effect.Effect<A, StorageError> => {
    if (closed !== undefined) return Effect.fail(closed)
    try {
      begin.run()
      try {
        return Effect.succeed(read())
      } finally {
        // A transaction that only read has nothing to lose, so a failed one ends the same way.
        if (database.isTransaction) end.run()
      }
    } catch (error) {
      return Effect.fail(storageFailure(`${doing} in ${file}`, error))
    }
  }

  return {
    database,
    query: <A extends Row>(sql: string): Query<A> => {
      const statement = database.prepare(sql)
      return {
        one: (...parameters) => statement.get(...parameters) as A | undefined,
        all: (...parameters) => statement.all(...parameters) as Array<A>,
        each: (...parameters) => statement.iterate(...parameters) as Iterable<A>,
      }
    },
    snapshot: (doing, read) => Effect.suspend(() => run(doing, read)),
    close: () => {
      closed = storageError("closed", `the store of ${file} was closed`)
      database.close()
    },
  }
}
