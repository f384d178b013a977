/**
 * Carries out a commit that nothing stands in the way of: numbers, items, indexes, key, leases and facts, in one synchronous
 * step that cannot fail half-way.
 */
import { advance, emptyHead, type Commit, type CommitKey, type CommitOutcome, type Committed, type Item } from "@parley/core"
import { refusalOf } from "./commit-decision.ts"
import { emptyState, store, type ConversationState, type UsedKey } from "./conversation-state.ts"
import { joinKey, type Database } from "./database.ts"

const keyName = (key: CommitKey): string => joinKey(key.scope, key.id)
const tenantKeyName = (tenant: string, key: CommitKey): string => joinKey(tenant, key.scope, key.id)

export const findRepeat = (
  database: Database,
  tenant: string,
  state: ConversationState | undefined,
  key: CommitKey,
): Extract<CommitOutcome, { readonly outcome: "repeat" }> | undefined => {
  const used = key.tenantWide === true ? database.tenantKeys.get(tenantKeyName(tenant, key)) : state?.keys.get(keyName(key))
  if (used === undefined) return undefined
  const same = used.fingerprint === database.fingerprint(key.request)
  return { outcome: "repeat", same, conversation: used.conversation, committed: used.committed }
}

export const applyCommit = (database: Database, commit: Commit, now: number): CommitOutcome => {
  const name = joinKey(commit.tenant, commit.conversation)
  const existing = database.conversations.get(name)
  const refusal = refusalOf(commit, {
    head: existing?.head,
    erased: database.erased.has(name),
    item: (id) => existing?.items.get(id)?.item,
    fence: (answer) => existing?.leases.get(answer)?.fence,
    repeat: (key) => findRepeat(database, commit.tenant, existing, key),
  })
  if (refusal !== undefined) return refusal

  const state = existing ?? emptyState(emptyHead(commit.tenant, commit.conversation, database.epoch, now))
  const previous = new Map<string, Item>()
  for (const put of commit.puts) {
    const before = state.items.get(put.item.id)
    if (before !== undefined) previous.set(put.item.id, before.item)
  }
  const { head, items } = advance(state.head, {
    puts: commit.puts,
    previous,
    now,
    ...(commit.members === undefined ? {} : { members: commit.members.delta }),
    ...(commit.revokes === undefined ? {} : { revokes: commit.revokes }),
  })
  state.head = head
  if (existing === undefined) database.conversations.set(name, state)
  for (const item of items) {
    store(state, item)
    if (item.kind === "member") indexMember(database, commit.tenant, item.userId, state)
  }
  if (commit.key !== undefined) rememberKey(database, commit, commit.key, state, items)
  moveLeases(database, commit, state, now)
  for (const fact of commit.outbox)
    database.outbox.push({
      ...fact,
      position: database.outbox.length + 1,
      tenant: commit.tenant,
      conversation: commit.conversation,
      at: head.updatedAt,
    })
  if (commit.erase === true) eraseConversation(database, name, state)
  return { outcome: "ok", head, items }
}

const indexMember = (database: Database, tenant: string, userId: string, state: ConversationState): void => {
  const name = joinKey(tenant, userId)
  const known = database.conversationsOf.get(name)
  if (known === undefined) database.conversationsOf.set(name, new Set([state]))
  else known.add(state)
}

const committedOf = (item: Item): Committed =>
  item.kind === "message" ? { itemId: item.id, change: item.change, seq: item.seq } : { itemId: item.id, change: item.change }

const rememberKey = (
  database: Database,
  commit: Commit,
  key: CommitKey,
  state: ConversationState,
  items: ReadonlyArray<Item>,
): void => {
  const used: UsedKey = {
    conversation: commit.conversation,
    fingerprint: database.fingerprint(key.request),
    committed: items.map(committedOf),
  }
  if (key.tenantWide !== true) state.keys.set(keyName(key), used)
  else {
    const name = tenantKeyName(commit.tenant, key)
    database.tenantKeys.set(name, used)
    state.tenantKeys.push(name)
  }
}

const moveLeases = (database: Database, commit: Commit, state: ConversationState, now: number): void => {
  for (const { answer, to } of commit.leases ?? []) {
    const row = state.leases.get(answer)
    if (to === "open") {
      if (row !== undefined) continue
      const { tenant, conversation } = commit
      const born = { tenant, conversation, answer, fence: 0, until: now, stopping: false, revision: 0, text: "" }
      state.leases.set(answer, born)
      database.leases.add(born)
    } else if (row !== undefined && to === "stopping") row.stopping = true
    else if (row !== undefined) {
      state.leases.delete(answer)
      database.leases.delete(row)
    }
  }
}

const eraseConversation = (database: Database, name: string, state: ConversationState): void => {
  for (const id of state.memberIds) {
    const item = state.items.get(id)?.item
    if (item?.kind !== "member") continue
    const user = joinKey(state.head.tenant, item.userId)
    const others = database.conversationsOf.get(user)
    others?.delete(state)
    if (others?.size === 0) database.conversationsOf.delete(user)
  }
  for (const row of state.leases.values()) database.leases.delete(row)
  for (const key of state.tenantKeys) database.tenantKeys.delete(key)
  database.conversations.delete(name)
  database.erased.add(name)
}
