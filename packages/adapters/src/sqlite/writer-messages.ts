/**
 * What the two threads say to each other. A batch and its outcomes travel as one JSON text each: cheaper for both threads
 * than a structured clone of the same objects, and bodies are JSON text anyway.
 */
import type {
  AnswerRef,
  Checkpoint,
  Claim,
  Commit,
  CommitOutcome,
  ConversationHead,
  ConversationStatus,
  ConversationType,
  Item,
  MemberStatus,
  StorageError,
} from "@parley/core"

/** What `advance` and the indexes look at; the rest of the body stays text. */
export interface WirePut {
  readonly item: { readonly kind: Item["kind"]; readonly id: string; readonly author?: { readonly kind: string } }
  readonly was: number | "new"
  readonly body: string
  /** Of a `conversation` item. */
  readonly conversation?: { readonly type: ConversationType; readonly status: ConversationStatus }
  /** Of a `member` item. */
  readonly member?: { readonly userId: string; readonly status: MemberStatus }
}

export interface WireCommit extends Omit<Commit, "puts"> {
  readonly op: "commit"
  readonly puts: ReadonlyArray<WirePut>
}

export type WireWrite =
  | WireCommit
  | { readonly op: "claim"; readonly ref: AnswerRef; readonly leaseMs: number }
  | {
      readonly op: "renew"
      readonly ref: AnswerRef
      readonly fence: number
      readonly leaseMs: number
      readonly checkpoint?: Checkpoint
    }
  | { readonly op: "release"; readonly ref: AnswerRef; readonly fence: number }

export interface WireStamps {
  readonly change: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly seq?: number
}

export interface WireItem extends WireStamps {
  readonly body: string
}

export type WireOutcome =
  | { readonly outcome: "ok"; readonly head: ConversationHead; readonly stamps: ReadonlyArray<WireStamps> }
  | { readonly outcome: "conflict"; readonly itemId: string; readonly current?: WireItem }
  | Exclude<CommitOutcome, { readonly outcome: "ok" | "conflict" }>

export type Renewal = "held" | "stopping" | "lost"

/** The answer to a write of the same index in the batch. `claim` without a lease is an empty object. */
export interface WireResult {
  readonly failure?: Pick<StorageError, "reason" | "message">
  readonly outcome?: WireOutcome
  readonly claim?: Claim
  readonly renewal?: Renewal
}

export interface WriterOptions {
  readonly file: string
}

export type ToWriter =
  | { readonly type: "batch"; /** JSON of `WireWrite[]`. */ readonly writes: string }
  | { readonly type: "close" }

export type FromWriter =
  | { readonly type: "open" }
  | { readonly type: "refused"; readonly failure: Pick<StorageError, "reason" | "message"> }
  | {
      readonly type: "outcomes"
      /** JSON of `WireResult[]`, in the order of the batch. */
      readonly results: string
      /** The store's clock when the batch ran. */
      readonly now: number
      /** How many transactions were committed since the database was opened. */
      readonly transactions: number
    }
