/** Everything here happens in one step: nothing awaits between the first check and the last write. */
import { advance, emptyHead, type Commit, type CommitKey, type CommitOutcome, type Item } from "@parley/core"
import { conversationOf, keyOf, type State, type Stored } from "./state.ts"

export const repeatOf = (
  state: State,
  tenant: string,
  stored: Stored | undefined,
  key: CommitKey,
): Extract<CommitOutcome, { readonly outcome: "repeat" }> | undefined => {
  const used = key.tenantWide
    ? state.tenantKeys.get(keyOf(tenant, key.scope, key.id))
    : stored?.keys.get(keyOf(key.scope, key.id))
  if (used === undefined) return undefined
  const { conversation, committed, fingerprint } = used
  return { outcome: "repeat", same: fingerprint === state.fingerprint(key.request), conversation, committed }
}

/** The order of the checks is the contract; the first that applies is the outcome. */
const refusalOf = (state: State, commit: Commit, stored: Stored | undefined): CommitOutcome | undefined => {
  const { tenant, conversation, key, expectAccess, fence, members } = commit
  const repeat = key === undefined ? undefined : repeatOf(state, tenant, stored, key)
  if (repeat !== undefined) return repeat
  const creates = commit.puts.some(({ item, was }) => item.kind === "conversation" && was === "new")
  if (stored === undefined && (!creates || state.erased.has(keyOf(tenant, conversation))))
    return { outcome: "missing", itemId: conversation }
  if (stored !== undefined && expectAccess !== undefined && expectAccess !== stored.head.accessVersion)
    return { outcome: "stale_access", accessVersion: stored.head.accessVersion }
  if (fence !== undefined && stored?.leases.get(fence.answer)?.fence !== fence.fence) return { outcome: "fenced" }
  for (const id of commit.requires ?? []) if (!stored?.items.has(id)) return { outcome: "missing", itemId: id }
  for (const { item, was } of commit.puts) {
    const current = stored?.items.get(item.id)
    if (was !== (current?.change ?? "new")) return { outcome: "conflict", itemId: item.id, current }
  }
  const joined = stored?.head.members ?? 0
  if (members !== undefined && members.delta > 0 && joined + members.delta > members.max) return { outcome: "room_full" }
  return undefined
}

const moveLeases = (commit: Commit, stored: Stored, now: number): void => {
  for (const { answer, to } of commit.leases ?? []) {
    const lease = stored.leases.get(answer)
    if (to === "closed") stored.leases.delete(answer)
    else if (to === "stopping" && lease !== undefined) lease.stopping = true
    else if (to === "open" && lease === undefined)
      // Born with a lease that has run out, so that `expired` names it at once.
      stored.leases.set(answer, { fence: 0, until: now, stopping: false, checkpoint: { revision: 0, text: "" } })
  }
}

const rememberKey = (state: State, commit: Commit, stored: Stored, items: ReadonlyArray<Item>): void => {
  const { key, tenant, conversation } = commit
  if (key === undefined) return
  const used = {
    conversation,
    fingerprint: state.fingerprint(key.request),
    committed: items.map((item) => ({
      itemId: item.id,
      change: item.change,
      ...(item.kind === "message" ? { seq: item.seq } : {}),
    })),
  }
  if (key.tenantWide) state.tenantKeys.set(keyOf(tenant, key.scope, key.id), used)
  else stored.keys.set(keyOf(key.scope, key.id), used)
}

const erase = (state: State, { tenant, conversation }: Commit): void => {
  state.conversations.delete(keyOf(tenant, conversation))
  state.erased.add(keyOf(tenant, conversation))
  for (const [name, used] of state.tenantKeys) if (used.conversation === conversation) state.tenantKeys.delete(name)
}

export const applyCommit = (state: State, commit: Commit): CommitOutcome => {
  const { tenant, conversation, members, revokes } = commit
  const existing = conversationOf(state, commit)
  const refusal = refusalOf(state, commit, existing)
  if (refusal !== undefined) return refusal

  const now = Date.now()
  const stored = existing ?? {
    head: emptyHead(tenant, conversation, state.epoch, now),
    items: new Map(),
    leases: new Map(),
    keys: new Map(),
  }
  const { head, items } = advance(stored.head, {
    puts: commit.puts,
    previous: stored.items,
    now,
    ...(members === undefined ? {} : { members: members.delta }),
    ...(revokes === undefined ? {} : { revokes }),
  })
  stored.head = head
  for (const item of items) stored.items.set(item.id, item)
  state.conversations.set(keyOf(tenant, conversation), stored)
  rememberKey(state, commit, stored, items)
  moveLeases(commit, stored, now)
  for (const fact of commit.outbox)
    state.outbox.push({ ...fact, position: state.outbox.length + 1, tenant, conversation, at: head.updatedAt })
  if (commit.erase) erase(state, commit)
  return { outcome: "ok", head, items }
}
