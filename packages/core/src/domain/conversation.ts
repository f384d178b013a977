/**
 * A conversation's two counters. `seq` numbers its messages 1..n and `change` its changes 1..head, both dense.
 * One put takes the next change; a new message also takes the next seq.
 *
 * Status machine:
 *
 *     active ──close──▶ closed
 *        └────expire──▶ expired        closed and expired are final; both stay readable
 *
 * Invariants: counters never go back; `at` never decreases; a refused commit moves nothing.
 */
import type {
  Conversation,
  ConversationBody,
  ConversationStatus,
  Item,
  ItemBody,
  Member,
  MemberBody,
  Message,
  MessageBody,
  Reactions,
  ReactionsBody,
} from "./item.ts"

/** The row of a conversation, kept by the store beside its items. */
export interface ConversationHead {
  readonly tenant: string
  readonly id: string
  readonly epoch: string
  /** The greatest change; 0 before the first. */
  readonly change: number
  /** The seq of the newest message; 0 before the first. */
  readonly seq: number
  /** The seq of the oldest message still kept: retention moves it, deletion of one message does not. */
  readonly firstSeq: number
  /** Moves only when something is taken away, so that a write decided on older grounds is refused. */
  readonly accessVersion: number
  /** Members with status `joined`. */
  readonly members: number
  readonly createdAt: number
  /** When a person last sent; creation time before the first send. */
  readonly lastSendAt: number
  /** The time of the newest change. */
  readonly updatedAt: number
}

export const emptyHead = (tenant: string, id: string, epoch: string, at: number): ConversationHead => ({
  tenant,
  id,
  epoch,
  change: 0,
  seq: 0,
  firstSeq: 1,
  accessVersion: 1,
  members: 0,
  createdAt: at,
  lastSendAt: at,
  updatedAt: at,
})

/** One item to write, and the change it replaces: `new` for none. */
export interface Put {
  readonly item: ItemBody
  readonly was: number | "new"
}

export interface Advance {
  readonly puts: ReadonlyArray<Put>
  /** The stored versions that puts with a numeric `was` replace, by item id. */
  readonly previous: ReadonlyMap<string, Item>
  readonly members?: number
  readonly revokes?: boolean
  /** The store's clock. */
  readonly now: number
}

/** Numbers and dates a commit's items. Every store calls this one function, so that no two number differently. */
export const advance = (
  head: ConversationHead,
  by: Advance,
): { readonly head: ConversationHead; readonly items: ReadonlyArray<Item> } => {
  const at = by.now > head.updatedAt ? by.now : head.updatedAt
  let { change, seq, lastSendAt } = head
  const items: Array<Item> = []
  for (const put of by.puts) {
    change += 1
    const before = put.was === "new" ? undefined : by.previous.get(put.item.id)
    const stamps = { change, createdAt: before?.createdAt ?? at, updatedAt: at }
    if (put.item.kind === "message") {
      if (before === undefined) seq += 1
      if (before === undefined && put.item.author.kind === "user") lastSendAt = at
      items.push({ ...put.item, ...stamps, seq: before === undefined ? seq : (before as Message).seq })
    } else items.push({ ...put.item, ...stamps })
  }
  return {
    head: {
      ...head,
      change,
      seq,
      lastSendAt,
      updatedAt: at,
      accessVersion: head.accessVersion + (by.revokes === true ? 1 : 0),
      members: head.members + (by.members ?? 0),
    },
    items,
  }
}

export type ConversationEvent = { readonly type: "closed" } | { readonly type: "expired" }

/** The next body, or the status that stands in the way. */
export const endConversation = (
  body: ConversationBody,
  event: ConversationEvent,
): { readonly ok: true; readonly body: ConversationBody } | { readonly ok: false; readonly status: ConversationStatus } =>
  body.status === "active" ? { ok: true, body: { ...body, status: event.type } } : { ok: false, status: body.status }

/** Sessions without a send for this long count as inactive: derived, never stored. */
export const INACTIVE_AFTER_MS = 30 * 60_000

export const isInactive = (head: ConversationHead, now: number): boolean => now - head.lastSendAt >= INACTIVE_AFTER_MS

/** Takes the stamps off, for the next put of the same item. */
export function bodyOf(item: Message): MessageBody
export function bodyOf(item: Reactions): ReactionsBody
export function bodyOf(item: Member): MemberBody
export function bodyOf(item: Conversation): ConversationBody
export function bodyOf(item: Item): ItemBody
export function bodyOf(item: Item): ItemBody {
  const { change: _change, createdAt: _createdAt, updatedAt: _updatedAt, ...rest } = item
  if (rest.kind !== "message") return rest
  const { seq: _seq, ...body } = rest as MessageBody & { readonly seq: number }
  return body
}

/** Whether a member takes part now. */
export const isJoined = (member: Member | undefined): member is Member => member?.status === "joined"
