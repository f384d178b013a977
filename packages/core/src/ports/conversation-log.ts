/**
 * The log: the one truth. Every write is one `commit`, all or nothing.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { ConversationHead, Put } from "../domain/conversation.ts"
import type { Conversation, ConversationType, Item, Member, MemberStatus, Message, Reactions } from "../domain/item.ts"
import type { OutboxFact } from "./outbox.ts"
import type { StorageError } from "./storage-error.ts"

/**
 * Makes a commit idempotent: a second commit with the same tenant, conversation, scope and id is a `repeat`.
 * `request` is the canonical text of the original request; the store keeps its HMAC (fingerprint) and nothing of the text.
 */
export interface CommitKey {
  readonly scope: string
  readonly id: string
  readonly request: string
  /** The key is one per tenant instead of one per conversation: for creating what must exist once. */
  readonly tenantWide?: boolean
}

/** Moves the lease row of an answer in the commit that moves the answer. */
export interface LeaseChange {
  readonly answer: string
  /** `open`: a row is made whose lease has run out. `stopping`: `renew` reports it from now on. `closed`: the row goes. */
  readonly to: "open" | "stopping" | "closed"
}

export interface Commit {
  readonly tenant: string
  readonly conversation: string
  /** Refused as `stale_access` when the row's accessVersion differs. The answer's owner and sweepers pass none. */
  readonly expectAccess?: number
  readonly key?: CommitKey
  /** Items that must exist, tombstones included: else `missing`. */
  readonly requires?: ReadonlyArray<string>
  /** Moves the number of joined members; above `max` the commit is `room_full`. */
  readonly members?: { readonly delta: number; readonly max: number }
  /** Something is taken away: accessVersion + 1. */
  readonly revokes?: boolean
  /** The commit of an answer's owner: refused as `fenced` unless the lease row holds this fence. */
  readonly fence?: { readonly answer: string; readonly fence: number }
  readonly leases?: ReadonlyArray<LeaseChange>
  /** Item ids are distinct. A put of a `conversation` item with `was: "new"` creates the conversation. */
  readonly puts: ReadonlyArray<Put>
  readonly outbox: ReadonlyArray<OutboxFact>
  /** Removes the conversation with its items, keys and leases; the id is never given out again, and reads find nothing. */
  readonly erase?: boolean
}

/** What a put became, as a repeat reports it: the numbers of the first commit, whatever happened to the item since. */
export interface Committed {
  readonly itemId: string
  readonly change: number
  readonly seq?: number
}

export type CommitOutcome =
  | { readonly outcome: "ok"; readonly head: ConversationHead; readonly items: ReadonlyArray<Item> }
  | {
      readonly outcome: "repeat"
      /** Whether `request` was the same text. */
      readonly same: boolean
      readonly conversation: string
      readonly committed: ReadonlyArray<Committed>
    }
  | { readonly outcome: "stale_access"; readonly accessVersion: number }
  /** A put's `was` is not the item's newest change (absent: there is no such item). */
  | { readonly outcome: "conflict"; readonly itemId: string; readonly current: Item | undefined }
  | { readonly outcome: "missing"; readonly itemId: string }
  | { readonly outcome: "room_full" }
  | { readonly outcome: "fenced" }

export interface Snapshot {
  readonly head: ConversationHead
  /** In the order asked for; `undefined` for what is not there. */
  readonly items: ReadonlyArray<Item | undefined>
  readonly repeat?: Extract<CommitOutcome, { readonly outcome: "repeat" }>
}

export interface ChangesPage {
  readonly head: ConversationHead
  /** In order of `change`, each item once, in its newest version. */
  readonly items: ReadonlyArray<Item>
  /** The page covers every change up to this one; `head.change` when `more` is false. */
  readonly upTo: number
  readonly more: boolean
}

export interface HistoryPage {
  readonly head: ConversationHead
  /** In order of `seq`. */
  readonly messages: ReadonlyArray<Message>
  /** Of those messages. */
  readonly reactions: ReadonlyArray<Reactions>
  /** Whether messages lie beyond the page in the direction read. */
  readonly more: boolean
}

export interface MembersPage {
  readonly members: ReadonlyArray<Member>
  readonly more: boolean
}

export interface Heading {
  readonly id: string
  readonly change: number
  readonly accessVersion: number
}

export interface Listed {
  readonly head: ConversationHead
  readonly conversation: Conversation
  readonly member: Member
}

export interface ListQuery {
  readonly tenant: string
  readonly userId: string
  readonly types: ReadonlyArray<ConversationType>
  readonly statuses: ReadonlyArray<MemberStatus>
  readonly limit: number
  /** Keyset: entries after this one in the order (lastSendAt, id) descending. */
  readonly after?: { readonly lastSendAt: number; readonly id: string }
}

/** What a store promises when it says a commit is stored. */
export type Durability = "durable" | "bounded-loss" | "none"

/**
 * Contract, which every adapter proves with the testkit's suite:
 *
 * - *Commit* checks in this order, and the first that applies is the outcome: the key (`repeat`), existence (`missing`), `expectAccess`
 *   (`stale_access`), `fence` (`fenced`), `requires` (`missing`), each put's `was` (`conflict`), `members` (`room_full`).
 *   `members` is compared only when members come in. A commit that creates the conversation has no older version to be checked
 *   against, so `expectAccess` says nothing then; on the id of an erased one it is `missing`. Anything but `ok` changes nothing. Commits may share a transaction; each still has its own outcome, and a later one of
 *   the same transaction sees the earlier ones.
 * - *Order*: commits issued one after the other without waiting, by one caller to one conversation, are applied in that order.
 * - *Numbers*: by `advance` of the domain, on the store's clock. Dense, also after failures.
 * - *Durability*: `ok` is returned after the commit is stored as `durability` says. A failed commit (`StorageError`)
 *   may or may not have happened; repeating it with its key tells.
 * - *Reads* see every commit that was acknowledged to anybody, and each is one consistent snapshot. An unknown, erased or other
 *   tenant's conversation reads as `undefined`; `heads` leaves it out. Nothing ever crosses tenants.
 * - *Paging*: `limit` bounds the count; `maxBytes` cuts a page once its JSON passes it, never before the first item. Reading is by keyset, so a
 *   page costs the same at any depth. `history` takes exactly one of `before` (the newest below it, returned ascending) and
 *   `from` (ascending from it).
 * - Strings arrive well-formed and without NUL; they come back unchanged.
 * - Whoever opened the store closes it; after that every operation fails with `StorageError`.
 */
export interface ConversationLogShape {
  readonly durability: Durability
  readonly commit: (commit: Commit) => Effect.Effect<CommitOutcome, StorageError>
  /** Items by id, and whether a key was used before. */
  readonly get: (query: {
    readonly tenant: string
    readonly conversation: string
    readonly items: ReadonlyArray<string>
    readonly key?: CommitKey
  }) => Effect.Effect<Snapshot | undefined, StorageError>
  readonly changes: (query: {
    readonly tenant: string
    readonly conversation: string
    readonly after: number
    readonly limit: number
    readonly maxBytes: number
  }) => Effect.Effect<ChangesPage | undefined, StorageError>
  readonly history: (
    query: {
      readonly tenant: string
      readonly conversation: string
      readonly limit: number
      readonly maxBytes: number
    } & ({ readonly before: number } | { readonly from: number }),
  ) => Effect.Effect<HistoryPage | undefined, StorageError>
  /** Members of every status in the order of their item ids (code units), after `after`. */
  readonly members: (query: {
    readonly tenant: string
    readonly conversation: string
    readonly after?: string
    readonly limit: number
  }) => Effect.Effect<MembersPage | undefined, StorageError>
  /** Where conversations stand, in one read. */
  readonly heads: (
    ids: ReadonlyArray<{ readonly tenant: string; readonly conversation: string }>,
  ) => Effect.Effect<
    { readonly epoch: string; readonly heads: ReadonlyArray<Heading & { readonly tenant: string }> },
    StorageError
  >
  /** The conversations of a user, newest send first. */
  readonly list: (
    query: ListQuery,
  ) => Effect.Effect<{ readonly entries: ReadonlyArray<Listed>; readonly more: boolean }, StorageError>
  /** Active conversations of a type, of every tenant, without a send for `idleMs` on the store's clock. For sweepers. */
  readonly idle: (query: {
    readonly type: ConversationType
    readonly idleMs: number
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<{ readonly tenant: string; readonly conversation: string }>, StorageError>
}

export class ConversationLog extends Context.Service<ConversationLog, ConversationLogShape>()("parley/ConversationLog") {}
