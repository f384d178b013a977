import type { AnswerRef, PlainStorage } from "@parley/core"
import { applyCommit, repeatOf } from "./commit.ts"
import { changesPage, conversationItem, historyPage, listPage, membersPage } from "./pages.ts"
import { conversationOf, emptyState, type Lease, type Stored } from "./state.ts"

/** A whole store in Maps. It promises nothing beyond the life of the process, and says so. */
export const mapStore = (): PlainStorage => {
  const state = emptyState()
  const read = <A>(at: { readonly tenant: string; readonly conversation: string }, page: (stored: Stored) => A) => {
    const stored = conversationOf(state, at)
    return stored === undefined ? undefined : page(stored)
  }
  const leaseOf = (ref: AnswerRef, fence?: number): Lease | undefined => {
    const lease = conversationOf(state, ref)?.leases.get(ref.answer)
    return fence === undefined || lease?.fence === fence ? lease : undefined
  }

  return {
    durability: "none",
    log: {
      commit: async (commit) => applyCommit(state, commit),
      get: async ({ tenant, key, items, ...at }) =>
        read({ tenant, ...at }, (stored) => {
          const repeat = key === undefined ? undefined : repeatOf(state, tenant, stored, key)
          return {
            head: stored.head,
            items: items.map((id) => stored.items.get(id)),
            ...(repeat === undefined ? {} : { repeat }),
          }
        }),
      changes: async (query) => read(query, (stored) => changesPage(stored, query)),
      history: async (query) => read(query, (stored) => historyPage(stored, query)),
      members: async (query) => read(query, (stored) => membersPage(stored, query)),
      heads: async (ids) => ({
        epoch: state.epoch,
        heads: ids.flatMap((at) => {
          const head = conversationOf(state, at)?.head
          return head === undefined
            ? []
            : [{ tenant: at.tenant, id: head.id, change: head.change, accessVersion: head.accessVersion }]
        }),
      }),
      list: async (query) => listPage(state, query),
      idle: async ({ type, idleMs, limit }) =>
        [...state.conversations.values()]
          .filter((stored) => {
            const item = conversationItem(stored)
            return item?.type === type && item.status === "active" && Date.now() - stored.head.lastSendAt >= idleMs
          })
          .slice(0, limit)
          .map(({ head }) => ({ tenant: head.tenant, conversation: head.id })),
    },
    leases: {
      claim: async (ref, leaseMs) => {
        const lease = leaseOf(ref)
        if (lease === undefined || Date.now() < lease.until) return undefined
        lease.fence += 1
        lease.until = Date.now() + leaseMs
        return { fence: lease.fence, checkpoint: lease.checkpoint, stopping: lease.stopping }
      },
      renew: async (ref, fence, leaseMs, checkpoint) => {
        const lease = leaseOf(ref, fence)
        if (lease === undefined) return "lost"
        lease.until = Date.now() + leaseMs
        if (checkpoint !== undefined) lease.checkpoint = checkpoint
        return lease.stopping ? "stopping" : "held"
      },
      release: async (ref, fence) => {
        const lease = leaseOf(ref, fence)
        if (lease !== undefined) lease.until = Math.min(lease.until, Date.now())
      },
      expired: async (limit) =>
        [...state.conversations.values()]
          .flatMap(({ head, leases }) =>
            [...leases].map(([answer, { until }]) => ({ until, tenant: head.tenant, conversation: head.id, answer })),
          )
          .filter(({ until }) => until <= Date.now())
          .sort((a, b) => a.until - b.until)
          .slice(0, limit)
          .map(({ until: _until, ...ref }) => ref),
      open: async (tenant, conversation) =>
        [...(conversationOf(state, { tenant, conversation })?.leases ?? [])].map(([answer, { checkpoint, stopping }]) => ({
          answer,
          checkpoint,
          stopping,
        })),
    },
    outbox: { read: async (after, limit) => state.outbox.filter(({ position }) => position > after).slice(0, limit) },
  }
}
