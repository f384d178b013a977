/**
 * One process per database. The writer keeps counters in memory and numbers by them, so a second one would number twice.
 *
 * The lock is an open exclusive transaction on an empty database beside the real one: the operating system holds it, so it
 * goes with the process however that ends, and no stale file ever needs a hand. Inside one process SQLite keeps its own
 * list, so that the second opener is refused there too.
 */
import { DatabaseSync } from "node:sqlite"
import { failureOf, isBusy } from "./storage-failure.ts"

export interface FileLock {
  readonly release: () => void
}

/** Throws a `StorageError` when somebody else holds the lock; never waits for it. */
export const lockDatabase = (file: string): FileLock => {
  const lock = new DatabaseSync(`${file}.lock`, { timeout: 0 })
  try {
    lock.exec("BEGIN EXCLUSIVE")
  } catch (error) {
    lock.close()
    if (!isBusy(error)) throw error
    throw failureOf(
      "unavailable",
      `${file} is already open, in another process or elsewhere in this one. ` +
        `Stop that one (on Linux "fuser ${file}.lock" names it), or choose another directory.`,
      error,
    )
  }
  return { release: () => lock.close() }
}
