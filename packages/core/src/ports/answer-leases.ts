/**
 * Who generates an open answer, and its text so far. In the log's own database and on its clock, so that a
 * process with a wrong clock cannot own what another owns.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StorageError } from "./storage-error.ts"

export interface AnswerRef {
  readonly tenant: string
  readonly conversation: string
  readonly answer: string
}

/** The text as last stored. `revision` 0 means that nothing was shown yet. */
export interface Checkpoint {
  readonly revision: number
  readonly text: string
}

export interface Claim {
  /** The nth claim of this answer, from 1: the fencing number. The commit of an owner with an older one is refused. */
  readonly fence: number
  readonly checkpoint: Checkpoint
  readonly stopping: boolean
}

export interface OpenAnswer {
  readonly answer: string
  readonly checkpoint: Checkpoint
  readonly stopping: boolean
}

/**
 * Contract:
 *
 * - Rows are born and closed by `ConversationLog.commit` (`leases`), in the same transaction as the answer's item. A new
 *   row's lease has run out.
 * - `claim` succeeds for at most one caller while a lease runs: `undefined` when it runs or there is no row. The fence is
 *   greater than every earlier one of that answer.
 * - `renew` with the fence of the row extends the lease and stores the checkpoint (when given), else says `lost` and
 *   changes nothing. It takes no change of the conversation. A lost checkpoint (power) costs text, never the answer.
 * - `release` ends the lease at once, keeps the row and its checkpoint; with another fence it does nothing.
 * - `expired` names rows whose lease has run out, oldest first, across tenants.
 * - `open` names the open answers of one conversation with their newest checkpoint, in no order.
 */
export interface AnswerLeasesShape {
  readonly claim: (ref: AnswerRef, leaseMs: number) => Effect.Effect<Claim | undefined, StorageError>
  readonly renew: (
    ref: AnswerRef,
    fence: number,
    leaseMs: number,
    checkpoint?: Checkpoint,
  ) => Effect.Effect<"held" | "stopping" | "lost", StorageError>
  readonly release: (ref: AnswerRef, fence: number) => Effect.Effect<void, StorageError>
  readonly expired: (limit: number) => Effect.Effect<ReadonlyArray<AnswerRef>, StorageError>
  readonly open: (tenant: string, conversation: string) => Effect.Effect<ReadonlyArray<OpenAnswer>, StorageError>
}

export class AnswerLeases extends Context.Service<AnswerLeases, AnswerLeasesShape>()("parley/AnswerLeases") {}
