/**
 * What SQLite and the file system throw, as the `StorageError` that the ports promise.
 *
 * `node:sqlite` puts SQLite's extended result code into `errcode`; its lowest byte is the primary code
 * (https://www.sqlite.org/rescode.html).
 *
 * The writer's thread loads this file, so it takes only types from core, whose index would load all of Effect.
 */
import type { StorageError } from "@parley/core"

export const failureOf = (reason: StorageError["reason"], message: string, cause?: unknown): StorageError =>
  cause === undefined ? { _tag: "StorageError", reason, message } : { _tag: "StorageError", reason, message, cause }

const BUSY = 5
const REASON_OF_CODE: Readonly<Record<number, StorageError["reason"]>> = {
  3: "unavailable", // PERM
  [BUSY]: "unavailable",
  6: "unavailable", // LOCKED
  7: "unavailable", // NOMEM
  8: "unavailable", // READONLY: the file system was remounted, or the file's rights changed
  10: "unavailable", // IOERR
  11: "corrupt", // CORRUPT
  13: "unavailable", // FULL
  14: "unavailable", // CANTOPEN
  15: "unavailable", // PROTOCOL: too much contention on the WAL's locks
  26: "corrupt", // NOTADB
}

const fieldOf = (error: unknown, name: string): unknown =>
  typeof error === "object" && error !== null ? (error as Readonly<Record<string, unknown>>)[name] : undefined

const primaryCode = (error: unknown): number | undefined => {
  const code = fieldOf(error, "errcode")
  return typeof code === "number" ? code & 0xff : undefined
}

export const isBusy = (error: unknown): boolean => primaryCode(error) === BUSY

const isStorageError = (error: unknown): error is StorageError => fieldOf(error, "_tag") === "StorageError"

const reasonOf = (error: unknown): StorageError["reason"] => {
  const code = primaryCode(error)
  if (code !== undefined) return REASON_OF_CODE[code] ?? "internal"
  // Stored bodies are JSON that we wrote: what does not parse was damaged.
  if (error instanceof SyntaxError) return "corrupt"
  // The file system's errors carry the number of the system call's error: EACCES, ENOSPC, EROFS, …
  return typeof fieldOf(error, "syscall") === "string" ? "unavailable" : "internal"
}

/** `doing` says what failed, for the log: files and operations, never contents. */
export const storageFailure = (doing: string, error: unknown): StorageError =>
  isStorageError(error)
    ? error
    : failureOf(reasonOf(error), `${doing}: ${error instanceof Error ? error.message : String(error)}`, error)
