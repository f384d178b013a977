/**
 * The one write connection: runs a batch of writes in one transaction, so that one fsync serves them all.
 *
 * Each write is decided by itself, and a refused one writes nothing. What nobody expected (an error of SQLite, a commit
 * that breaks a rule of the schema) undoes the whole transaction; its writes then run again one by one, so that the one at
 * fault fails alone. Nothing of a batch was acknowledged at that time.
 */
import { DatabaseSync } from "node:sqlite"
import { makeApplyCommit } from "./apply-commit.ts"
import { makeFingerprint } from "../internal/fingerprint.ts"
import { makeHeads } from "./heads.ts"
import { makeLeaseRows } from "./lease-rows.ts"
import { migrate } from "./migrate.ts"
import { migrations, readMeta } from "./schema.ts"
import { failureOf, storageFailure } from "./storage-failure.ts"
import type { WireResult, WireWrite } from "./writer-messages.ts"

/** How long a write waits for a foreign tool (a shell, a backup) that holds the database. This thread has nothing else to do. */
const BUSY_MS = 5000
const CACHE_KIB = 32 * 1024
/**
 * The WAL is written back once it holds 16 MiB. Every conversation's newest pages are written again by each batch: the longer the
 * WAL, the more of those copies are never carried over, at the price of a longer recovery after a crash (tens of milliseconds).
 */
const CHECKPOINT_PAGES = 4096

const open = (file: string): DatabaseSync => {
  const database = new DatabaseSync(file, { timeout: BUSY_MS, enableForeignKeyConstraints: false })
  try {
    const { journal_mode: mode } = database.prepare("PRAGMA journal_mode = WAL").get() as { journal_mode: string }
    if (mode !== "wal") throw failureOf("unavailable", `${file} cannot use a write-ahead log; put it on a local disk`)
    // FULL syncs the log at every commit. The deleted content of an erased conversation is overwritten, not only unlinked.
    database.exec(`PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    migrate(database, migrations)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

export interface Writer {
  readonly run: (writes: ReadonlyArray<WireWrite>) => ReadonlyArray<WireResult>
  /** The store's clock: that of the host, and never behind what it was. */
  readonly now: () => number
  readonly transactions: () => number
  readonly close: () => void
}

/** Throws what `storageFailure` understands. */
export const openWriter = (file: string): Writer => {
  const database = open(file)
  const { epoch, fingerprintKey } = readMeta(database)
  const heads = makeHeads(database, epoch)
  const leases = makeLeaseRows(database, heads)
  const applyCommit = makeApplyCommit({ database, epoch, fingerprint: makeFingerprint(fingerprintKey), heads, leases })
  const begin = database.prepare("BEGIN IMMEDIATE")
  const commit = database.prepare("COMMIT")
  const rollback = database.prepare("ROLLBACK")
  let now = 0
  let transactions = 0

  const runOne = (write: WireWrite): WireResult => {
    switch (write.op) {
      case "commit":
        return { outcome: applyCommit(write, now) }
      case "claim": {
        const claim = leases.claim(write.ref, write.leaseMs, now)
        return claim === undefined ? {} : { claim }
      }
      case "renew":
        return { renewal: leases.renew(write.ref, write.fence, write.leaseMs, write.checkpoint, now) }
      case "release":
        leases.release(write.ref, write.fence, now)
        return {}
    }
  }

  const transaction = (writes: ReadonlyArray<WireWrite>): ReadonlyArray<WireResult> => {
    begin.run()
    try {
      now = Math.max(now, Date.now())
      const results = writes.map(runOne)
      heads.flush()
      commit.run()
      transactions += 1
      return results
    } catch (error) {
      heads.forget()
      // Some errors (a full disk) end the transaction by themselves.
      if (database.isTransaction) rollback.run()
      throw error
    }
  }

  const alone = (write: WireWrite): WireResult => {
    try {
      return transaction([write])[0] as WireResult
    } catch (error) {
      const { reason, message } = storageFailure(`${write.op} in ${file}`, error)
      return { failure: { reason, message } }
    }
  }

  return {
    run: (writes) => {
      if (writes.length === 1) return writes.map(alone)
      try {
        return transaction(writes)
      } catch {
        // Whatever it was shows again at the write that causes it.
        return writes.map(alone)
      }
    },
    now: () => now,
    transactions: () => transactions,
    close: () => database.close(),
  }
}
