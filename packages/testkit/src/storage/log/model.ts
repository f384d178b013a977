/**
 * The contract of ConversationLog as the simplest program that keeps it: a sorted list a conversation, and no clock. Written apart from
 * every adapter, so that two programs have to make the same mistake to agree on it. Leaves out leases, whose suite stands alone.
 */
import {
  memberIdOf,
  reactionsIdOf,
  type Commit,
  type CommitOutcome,
  type Committed,
  type Item,
  type ItemBody,
} from "@parley/core"

/** A stored version without its times. */
export interface ModelItem {
  readonly body: ItemBody
  readonly change: number
  readonly seq?: number
}

interface ModelKey {
  readonly conversation: string
  readonly request: string
  readonly committed: ReadonlyArray<Committed>
}

export interface ModelConversation {
  readonly items: Map<string, ModelItem>
  readonly keys: Map<string, ModelKey>
  change: number
  seq: number
  accessVersion: number
  members: number
}

/** What a commit must answer. `refused`: anything but `ok`, where the contract does not say which. */
export type ModelOutcome =
  | {
      readonly outcome: "ok"
      readonly head: { readonly change: number; readonly seq: number; readonly accessVersion: number; readonly members: number }
      readonly items: ReadonlyArray<ModelItem>
    }
  | Exclude<CommitOutcome, { readonly outcome: "ok" | "conflict" }>
  | { readonly outcome: "conflict"; readonly itemId: string; readonly current: ModelItem | undefined }
  | { readonly outcome: "refused" }

export interface ModelFact {
  readonly type: string
  readonly conversation: string
}

export class StoreModel {
  readonly conversations = new Map<string, ModelConversation>()
  readonly facts: Array<ModelFact> = []
  readonly #erased = new Set<string>()
  readonly #tenantKeys = new Map<string, ModelKey>()

  commit(commit: Commit): ModelOutcome {
    const existing = this.conversations.get(commit.conversation)
    const refusal = this.#refusal(commit, existing)
    if (refusal !== undefined) return refusal
    const state: ModelConversation = existing ?? {
      items: new Map(),
      keys: new Map(),
      change: 0,
      seq: 0,
      accessVersion: 1,
      members: 0,
    }
    this.conversations.set(commit.conversation, state)
    const items: Array<ModelItem> = []
    for (const { item } of commit.puts) {
      const before = state.items.get(item.id)
      state.change += 1
      const isMessage = item.kind === "message"
      if (isMessage && before === undefined) state.seq += 1
      const stored = { body: item, change: state.change, ...(isMessage ? { seq: before?.seq ?? state.seq } : {}) }
      state.items.set(item.id, stored)
      items.push(stored)
    }
    state.members += commit.members?.delta ?? 0
    if (commit.revokes === true) state.accessVersion += 1
    for (const { type } of commit.outbox) this.facts.push({ type, conversation: commit.conversation })
    if (commit.key !== undefined) {
      const committed = items.map(({ body, ...at }): Committed => ({ itemId: body.id, ...at }))
      const used: ModelKey = { conversation: commit.conversation, request: commit.key.request, committed }
      if (commit.key.tenantWide === true) this.#tenantKeys.set(commit.key.id, used)
      else state.keys.set(commit.key.id, used)
    }
    const { change, seq, accessVersion, members } = state
    if (commit.erase === true) {
      this.conversations.delete(commit.conversation)
      this.#erased.add(commit.conversation)
      for (const [id, used] of this.#tenantKeys) if (used.conversation === commit.conversation) this.#tenantKeys.delete(id)
    }
    return { outcome: "ok", head: { change, seq, accessVersion, members }, items }
  }

  #refusal(commit: Commit, state: ModelConversation | undefined): ModelOutcome | undefined {
    const { key, members } = commit
    const used = key === undefined ? undefined : key.tenantWide === true ? this.#tenantKeys.get(key.id) : state?.keys.get(key.id)
    if (used !== undefined)
      return {
        outcome: "repeat",
        same: used.request === key?.request,
        conversation: used.conversation,
        committed: used.committed,
      }
    const creating = commit.puts.some((put) => put.item.kind === "conversation" && put.was === "new")
    if (state === undefined && this.#erased.has(commit.conversation) && creating) return { outcome: "refused" }
    if (state === undefined && !creating) return { outcome: "missing", itemId: commit.conversation }
    if (state !== undefined && commit.expectAccess !== undefined && commit.expectAccess !== state.accessVersion)
      return { outcome: "stale_access", accessVersion: state.accessVersion }
    for (const id of commit.requires ?? []) if (state?.items.has(id) !== true) return { outcome: "missing", itemId: id }
    for (const { item, was } of commit.puts) {
      const current = state?.items.get(item.id)
      if ((current?.change ?? "new") !== was) return { outcome: "conflict", itemId: item.id, current }
    }
    if (members !== undefined && members.delta > 0 && (state?.members ?? 0) + members.delta > members.max)
      return { outcome: "room_full" }
    return undefined
  }
}

/** An item of an adapter, as the model would hold it. */
export const modelItemOf = (item: Item): ModelItem => {
  const { change, createdAt: _createdAt, updatedAt: _updatedAt, ...rest } = item
  if (rest.kind !== "message") return { body: rest, change }
  const { seq, ...body } = rest as Extract<Item, { readonly kind: "message" }>
  return { body, change, seq }
}

const itemsOf = (state: ModelConversation): ReadonlyArray<ModelItem> => [...state.items.values()]

export const changesAfter = (state: ModelConversation, after: number): ReadonlyArray<ModelItem> =>
  itemsOf(state)
    .filter((item) => item.change > after)
    .toSorted((a, b) => a.change - b.change)

export const messagesOf = (state: ModelConversation): ReadonlyArray<ModelItem> =>
  itemsOf(state)
    .filter((item) => item.body.kind === "message")
    .toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0))

export const reactionsOf = (state: ModelConversation, messages: ReadonlyArray<ModelItem>): ReadonlyArray<ModelItem> =>
  messages.flatMap(({ body }) => state.items.get(reactionsIdOf(body.id)) ?? [])

export const membersOf = (state: ModelConversation): ReadonlyArray<ModelItem> =>
  itemsOf(state)
    .filter((item) => item.body.kind === "member" && item.body.id === memberIdOf(item.body.userId))
    .toSorted((a, b) => (a.body.id < b.body.id ? -1 : 1))
