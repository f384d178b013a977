/** The reference `AnswerLeases`: rows live in their conversation and, for `expired`, in one set of the store. */
import { AnswerLeases, type AnswerRef } from "@parley/core"
import type { LeaseRow } from "./conversation-state.ts"
import { joinKey, operation, type Database } from "./database.ts"

const checkpointOf = (row: LeaseRow) => ({ revision: row.revision, text: row.text })

export const makeAnswerLeases = (database: Database): AnswerLeases["Service"] => {
  const rowOf = (ref: AnswerRef): LeaseRow | undefined =>
    database.conversations.get(joinKey(ref.tenant, ref.conversation))?.leases.get(ref.answer)

  return AnswerLeases.of({
    claim: (ref, leaseMs) =>
      operation(database, (now) => {
        const row = rowOf(ref)
        if (row === undefined || now < row.until) return undefined
        row.fence += 1
        row.until = now + leaseMs
        return { fence: row.fence, checkpoint: checkpointOf(row), stopping: row.stopping }
      }),
    renew: (ref, fence, leaseMs, checkpoint) =>
      operation(database, (now) => {
        const row = rowOf(ref)
        if (row === undefined || row.fence !== fence) return "lost"
        row.until = now + leaseMs
        if (checkpoint !== undefined) {
          row.revision = checkpoint.revision
          row.text = checkpoint.text
        }
        return row.stopping ? "stopping" : "held"
      }),
    release: (ref, fence) =>
      operation(database, (now) => {
        const row = rowOf(ref)
        if (row !== undefined && row.fence === fence && now < row.until) row.until = now
      }),
    expired: (limit) =>
      operation(database, (now) =>
        [...database.leases]
          .filter((row) => row.until <= now)
          .sort((a, b) => a.until - b.until)
          .slice(0, limit)
          .map(({ tenant, conversation, answer }) => ({ tenant, conversation, answer })),
      ),
    open: (tenant, conversation) =>
      operation(database, () => {
        const rows = database.conversations.get(joinKey(tenant, conversation))?.leases.values() ?? []
        return Array.from(rows, (row) => ({ answer: row.answer, checkpoint: checkpointOf(row), stopping: row.stopping }))
      }),
  })
}
