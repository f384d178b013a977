/**
 * Facts for whatever follows a write: audit, inbox, notifications. Written by `ConversationLog.commit` in the commit's own
 * transaction: a fact stands here exactly when its commit is `ok`.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StorageError } from "./storage-error.ts"

export const FACT_TYPES = [
  "session_created",
  "room_created",
  "conversation_updated",
  "conversation_closed",
  "conversation_expired",
  "conversation_deleted",
  "member_invited",
  "member_joined",
  "member_left",
  "message_sent",
  "message_edited",
  "message_deleted",
  "reaction_changed",
  "answer_stopped",
  "answer_ended",
] as const
export type FactType = (typeof FACT_TYPES)[number]

/** Ids and kinds, never content: facts outlive what they speak of. */
export interface OutboxFact {
  readonly type: FactType
  /** The user who did it; absent for the engine itself. */
  readonly actor?: string
  readonly itemId?: string
  /** Whom it concerns, when not the actor. */
  readonly subject?: string
}

export interface OutboxRow extends OutboxFact {
  /** Increasing in commit order; gaps are allowed. */
  readonly position: number
  readonly tenant: string
  readonly conversation: string
  /** The store's clock, milliseconds since the Unix epoch. */
  readonly at: number
}

/** Contract: `read` returns rows after `after` in order of `position`, at most `limit`; an erased conversation's facts stay. */
export interface OutboxShape {
  readonly read: (after: number, limit: number) => Effect.Effect<ReadonlyArray<OutboxRow>, StorageError>
}

export class Outbox extends Context.Service<Outbox, OutboxShape>()("parley/Outbox") {}
