/** The lease rows of open answers, for the writer. A lease runs while the store's clock is below `until`. */
import type { DatabaseSync } from "node:sqlite"
import type { AnswerRef, Checkpoint, Claim, LeaseChange } from "@parley/core"
import type { Heads } from "./heads.ts"
import type { Renewal } from "./writer-messages.ts"

export interface LeaseRows {
  readonly fenceOf: (c: number, answer: string) => number | undefined
  readonly move: (c: number, change: LeaseChange, now: number) => void
  readonly claim: (ref: AnswerRef, leaseMs: number, now: number) => Claim | undefined
  readonly renew: (ref: AnswerRef, fence: number, leaseMs: number, checkpoint: Checkpoint | undefined, now: number) => Renewal
  readonly release: (ref: AnswerRef, fence: number, now: number) => void
}

type ClaimedRow = { readonly fence: number; readonly revision: number; readonly text: string; readonly stopping: number }

export const makeLeaseRows = (database: DatabaseSync, heads: Heads): LeaseRows => {
  const select = database.prepare("SELECT fence FROM answer_leases WHERE c = ? AND answer = ?")
  const open = database.prepare(
    `INSERT INTO answer_leases (c, answer, fence, until, stopping, revision, text) VALUES (?, ?, 0, ?, 0, 0, '')
     ON CONFLICT DO NOTHING`,
  )
  const stop = database.prepare("UPDATE answer_leases SET stopping = 1 WHERE c = ? AND answer = ?")
  const close = database.prepare("DELETE FROM answer_leases WHERE c = ? AND answer = ?")
  const claim = database.prepare(
    `UPDATE answer_leases SET fence = fence + 1, until = ? WHERE c = ? AND answer = ? AND until <= ?
     RETURNING fence, revision, text, stopping`,
  )
  const extend = database.prepare(
    "UPDATE answer_leases SET until = ? WHERE c = ? AND answer = ? AND fence = ? RETURNING stopping",
  )
  const checkpointed = database.prepare(
    "UPDATE answer_leases SET until = ?, revision = ?, text = ? WHERE c = ? AND answer = ? AND fence = ? RETURNING stopping",
  )
  const release = database.prepare("UPDATE answer_leases SET until = ? WHERE c = ? AND answer = ? AND fence = ? AND until > ?")
  const numberOf = ({ tenant, conversation }: AnswerRef): number | undefined => heads.find(tenant, conversation)?.c

  return {
    fenceOf: (c, answer) => (select.get(c, answer) as { readonly fence: number } | undefined)?.fence,
    move: (c, { answer, to }, now) => {
      if (to === "open") open.run(c, answer, now)
      else if (to === "stopping") stop.run(c, answer)
      else close.run(c, answer)
    },
    claim: (ref, leaseMs, now) => {
      const c = numberOf(ref)
      if (c === undefined) return undefined
      const row = claim.get(now + leaseMs, c, ref.answer, now) as ClaimedRow | undefined
      if (row === undefined) return undefined
      return { fence: row.fence, checkpoint: { revision: row.revision, text: row.text }, stopping: row.stopping === 1 }
    },
    renew: (ref, fence, leaseMs, checkpoint, now) => {
      const c = numberOf(ref)
      if (c === undefined) return "lost"
      const row = (
        checkpoint === undefined
          ? extend.get(now + leaseMs, c, ref.answer, fence)
          : checkpointed.get(now + leaseMs, checkpoint.revision, checkpoint.text, c, ref.answer, fence)
      ) as { readonly stopping: number } | undefined
      return row === undefined ? "lost" : row.stopping === 1 ? "stopping" : "held"
    },
    release: (ref, fence, now) => {
      const c = numberOf(ref)
      if (c !== undefined) release.run(now, c, ref.answer, fence, now)
    },
  }
}
