/**
 * One conversation in memory: its row, its items in their newest versions, and the indexes that keep each read as cheap as
 * its page, however long the log is.
 *
 * Items are values: a change stores a new object and never alters one that a reader may hold.
 */
import type { Committed, ConversationHead, Item } from "@parley/core"

/** An item in one version. Its size is counted when a page first asks for it: most versions are never paged. */
export interface Stored {
  readonly item: Item
  bytes: number
}

export interface LeaseRow {
  readonly tenant: string
  readonly conversation: string
  readonly answer: string
  fence: number
  /** The lease runs while the clock is below this. */
  until: number
  stopping: boolean
  revision: number
  text: string
}

export interface UsedKey {
  readonly conversation: string
  readonly fingerprint: string
  readonly committed: ReadonlyArray<Committed>
}

export interface ConversationState {
  head: ConversationHead
  readonly items: Map<string, Stored>
  /** Every version in the order of `change`, replaced ones included until `compact` drops them. */
  versions: Array<Stored>
  replaced: number
  /** The newest version of the message with seq n stands at n - 1. */
  readonly messages: Array<Stored>
  /** By message id. */
  readonly reactions: Map<string, Stored>
  /** Ids of the member items, sorted by code units. */
  readonly memberIds: Array<string>
  /** Keys that hold inside this conversation, and the names of those it made for the whole tenant. */
  readonly keys: Map<string, UsedKey>
  readonly tenantKeys: Array<string>
  readonly leases: Map<string, LeaseRow>
}

export const emptyState = (head: ConversationHead): ConversationState => ({
  head,
  items: new Map(),
  versions: [],
  replaced: 0,
  messages: [],
  reactions: new Map(),
  memberIds: [],
  keys: new Map(),
  tenantKeys: [],
  leases: new Map(),
})

export const bytesOf = (stored: Stored): number => {
  if (stored.bytes === 0) stored.bytes = Buffer.byteLength(JSON.stringify(stored.item))
  return stored.bytes
}

/** The first index whose element is not before the one looked for; the length when all are. */
export const lowerBound = <A>(sorted: ReadonlyArray<A>, isBefore: (element: A) => boolean): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(sorted[middle] as A)) low = middle + 1
    else high = middle
  }
  return low
}

export const isNewest = (state: ConversationState, stored: Stored): boolean => state.items.get(stored.item.id) === stored

/** Puts an item's new version into every index. */
export const store = (state: ConversationState, item: Item): void => {
  const stored: Stored = { item, bytes: 0 }
  const isNew = !state.items.has(item.id)
  state.items.set(item.id, stored)
  state.versions.push(stored)
  if (!isNew) state.replaced += 1
  if (item.kind === "message") state.messages[item.seq - 1] = stored
  else if (item.kind === "reactions") state.reactions.set(item.messageId, stored)
  else if (item.kind === "member" && isNew)
    state.memberIds.splice(
      lowerBound(state.memberIds, (id) => id < item.id),
      0,
      item.id,
    )
  compact(state)
}

/** Waiting for half of a list to be replaced makes the copying constant per change, and bounds what a read skips. */
const compact = (state: ConversationState): void => {
  if (state.replaced < 32 || state.replaced * 2 < state.versions.length) return
  state.versions = state.versions.filter((stored) => isNewest(state, stored))
  state.replaced = 0
}
