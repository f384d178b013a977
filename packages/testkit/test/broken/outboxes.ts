/** Faults of `Outbox`, and of the commits that write to it. */
import * as Effect from "effect/Effect"
import type { Outbox, OutboxRow } from "@parley/core"
import type { StorageServices } from "@parley/testkit"
import { brokenCommit, brokenInput, storageWith, type Broken } from "./broken.ts"

type Read = Outbox["Service"]["read"]

const brokenOutbox = (fault: string, caughtBy: ReadonlyArray<string>, change: (read: Read) => Read): Broken<StorageServices> => ({
  fault,
  caughtBy,
  layer: () => storageWith(({ outbox }) => ({ outbox: { read: change(outbox.read) } })),
})

/** As with positions from a sequence: one that was taken early may be committed late. */
const showsLate = (read: Read): Read => {
  const seen = new Set<number>()
  const isLate = (row: OutboxRow): boolean => row.position % 5 === 1 && !seen.has(row.position) && seen.add(row.position).size > 0
  return (after, limit) => Effect.map(read(after, limit), (rows) => rows.filter((row) => !isLate(row)))
}

export const brokenOutboxes: ReadonlyArray<Broken<StorageServices>> = [
  brokenCommit(
    "keeps the facts of a refused commit",
    ["outbox.only-ok", "refusal.conflict", "refusal.repeat", "atomic.puts"],
    (log, commit) =>
      Effect.tap(log.commit(commit), (outcome) =>
        outcome.outcome === "ok"
          ? Effect.void
          : log.commit({ tenant: commit.tenant, conversation: commit.conversation, puts: [], outbox: commit.outbox }),
      ),
  ),
  brokenInput("loses facts without a put", ["outbox.without-puts", "erase.facts", "model.commits"], (commit) =>
    commit.puts.length === 0 ? { ...commit, outbox: [] } : commit,
  ),
  brokenInput("keeps one fact a commit", ["outbox.facts", "outbox.types", "model.commits"], (commit) => ({
    ...commit,
    outbox: commit.outbox.slice(0, 1),
  })),
  brokenOutbox(
    "reads from the position on",
    ["outbox.empty", "outbox.pages"],
    (read) => (after, limit) => read(after - 1, limit),
  ),
  brokenOutbox(
    "reads the newest first",
    ["outbox.facts", "outbox.pages", "outbox.types"],
    (read) => (after, limit) => Effect.map(read(after, limit), (rows) => rows.toReversed()),
  ),
  brokenOutbox("knows no limit", ["outbox.pages"], (read) => (after) => read(after, 1_000_000)),
  brokenOutbox(
    "dates facts when they are read",
    ["outbox.facts"],
    (read) => (after, limit) => Effect.map(read(after, limit), (rows) => rows.map((row) => ({ ...row, at: row.at + 1 }))),
  ),
  brokenOutbox("shows a row after a later one", ["outbox.commit-order"], showsLate),
]
