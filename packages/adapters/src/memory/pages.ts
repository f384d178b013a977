/**
 * Pages of one conversation. Each costs what it holds: a position is found by index or binary search, and reading stops at the
 * first item that no longer fits.
 */
import { memberIdOf } from "@parley/core"
import type {
  ChangesPage,
  Conversation,
  HistoryPage,
  Item,
  Listed,
  ListQuery,
  Member,
  MembersPage,
  Message,
  Reactions,
} from "@parley/core"
import { bytesOf, isNewest, lowerBound, type ConversationState, type Stored } from "./conversation-state.ts"
import { joinKey, type Database } from "./database.ts"

export interface PageBounds {
  readonly limit: number
  readonly maxBytes: number
}

/** Whether an item of this size still goes on the page. The first one always does. */
const fits = (bounds: PageBounds, count: number, bytes: number, size: number): boolean =>
  count < bounds.limit && (count === 0 || bytes + size <= bounds.maxBytes)

export const changesPage = (state: ConversationState, after: number, bounds: PageBounds): ChangesPage => {
  const { head, versions } = state
  const items: Array<Item> = []
  let bytes = 0
  for (let index = lowerBound(versions, (stored) => stored.item.change <= after); index < versions.length; index++) {
    const stored = versions[index] as Stored
    if (!isNewest(state, stored)) continue
    const size = bytesOf(stored)
    if (!fits(bounds, items.length, bytes, size)) return { head, items, upTo: items.at(-1)?.change ?? after, more: true }
    items.push(stored.item)
    bytes += size
  }
  return { head, items, upTo: head.change, more: false }
}

export type HistoryPosition = { readonly before: number } | { readonly from: number }

export const historyPage = (state: ConversationState, position: HistoryPosition, bounds: PageBounds): HistoryPage => {
  const { head } = state
  const backwards = "before" in position
  const step = backwards ? -1 : 1
  const messages: Array<Message> = []
  const reactions: Array<Reactions> = []
  let bytes = 0
  let more = false
  let seq = backwards ? Math.min(position.before - 1, head.seq) : Math.max(position.from, head.firstSeq)
  for (; seq >= head.firstSeq && seq <= head.seq; seq += step) {
    const stored = state.messages[seq - 1] as Stored
    const reacted = state.reactions.get(stored.item.id)
    const size = bytesOf(stored) + (reacted === undefined ? 0 : bytesOf(reacted))
    more = !fits(bounds, messages.length, bytes, size)
    if (more) break
    messages.push(stored.item as Message)
    if (reacted !== undefined) reactions.push(reacted.item as Reactions)
    bytes += size
  }
  if (backwards) messages.reverse()
  return { head, messages, reactions, more }
}

export const membersPage = (state: ConversationState, after: string | undefined, limit: number): MembersPage => {
  const start = after === undefined ? 0 : lowerBound(state.memberIds, (id) => id <= after)
  const ids = state.memberIds.slice(start, start + limit)
  return {
    members: ids.map((id) => (state.items.get(id) as Stored).item as Member),
    more: start + ids.length < state.memberIds.length,
  }
}

/** Newest send first; ids in descending code units among equals. */
const byNewestSend = (a: Listed, b: Listed): number =>
  b.head.lastSendAt - a.head.lastSendAt || (a.head.id < b.head.id ? 1 : a.head.id > b.head.id ? -1 : 0)

const isAfter = (entry: Listed, after: NonNullable<ListQuery["after"]>): boolean =>
  entry.head.lastSendAt < after.lastSendAt || (entry.head.lastSendAt === after.lastSendAt && entry.head.id < after.id)

export const listPage = (
  database: Database,
  query: ListQuery,
): { readonly entries: ReadonlyArray<Listed>; readonly more: boolean } => {
  const entries: Array<Listed> = []
  for (const state of database.conversationsOf.get(joinKey(query.tenant, query.userId)) ?? []) {
    const conversation = conversationOf(state)
    const member = memberOf(state, query.userId)
    if (conversation === undefined || member === undefined) continue
    if (!query.types.includes(conversation.type) || !query.statuses.includes(member.status)) continue
    const entry: Listed = { head: state.head, conversation, member }
    if (query.after === undefined || isAfter(entry, query.after)) entries.push(entry)
  }
  entries.sort(byNewestSend)
  return { entries: entries.slice(0, query.limit), more: entries.length > query.limit }
}

export const conversationOf = (state: ConversationState): Conversation | undefined => {
  const item = state.items.get(state.head.id)?.item
  return item?.kind === "conversation" ? item : undefined
}

const memberOf = (state: ConversationState, userId: string): Member | undefined => {
  const item = state.items.get(memberIdOf(userId))?.item
  return item?.kind === "member" ? item : undefined
}
