/**
 * How a store fails. Adapters classify what their driver throws; nobody outside an adapter reads a driver's error.
 */
export interface StorageError {
  readonly _tag: "StorageError"
  /**
   * `unavailable`: now not, later perhaps (busy, full, connection lost). `closed`: the store was closed.
   * `corrupt`: what is stored cannot be read. `internal`: the adapter is at fault.
   */
  readonly reason: "unavailable" | "closed" | "corrupt" | "internal"
  /** For the log, never for a client: may name files and statements, never contents. */
  readonly message: string
  readonly cause?: unknown
}

export const storageError = (reason: StorageError["reason"], message: string, cause?: unknown): StorageError =>
  cause === undefined ? { _tag: "StorageError", reason, message } : { _tag: "StorageError", reason, message, cause }
