/** The reference `ConversationLog`: every operation is one synchronous step over the shared database. */
import { ConversationLog } from "@parley/core"
import { applyCommit, findRepeat } from "./apply-commit.ts"
import type { ConversationState } from "./conversation-state.ts"
import { joinKey, operation, type Database } from "./database.ts"
import { changesPage, conversationOf, historyPage, listPage, membersPage } from "./pages.ts"

export const makeConversationLog = (database: Database): ConversationLog["Service"] => {
  /** A read of one conversation; `undefined` when there is none. */
  const read = <A>(of: { readonly tenant: string; readonly conversation: string }, run: (state: ConversationState) => A) =>
    operation(database, () => {
      const state = database.conversations.get(joinKey(of.tenant, of.conversation))
      return state === undefined ? undefined : run(state)
    })

  return ConversationLog.of({
    durability: "none",
    commit: (commit) => operation(database, (now) => applyCommit(database, commit, now)),
    get: (query) =>
      read(query, (state) => {
        const repeat = query.key === undefined ? undefined : findRepeat(database, query.tenant, state, query.key)
        const items = query.items.map((id) => state.items.get(id)?.item)
        return { head: state.head, items, ...(repeat === undefined ? {} : { repeat }) }
      }),
    changes: (query) => read(query, (state) => changesPage(state, query.after, query)),
    history: (query) => read(query, (state) => historyPage(state, query, query)),
    members: (query) => read(query, (state) => membersPage(state, query.after, query.limit)),
    heads: (ids) =>
      operation(database, () => ({
        epoch: database.epoch,
        heads: ids.flatMap(({ tenant, conversation }) => {
          const head = database.conversations.get(joinKey(tenant, conversation))?.head
          return head === undefined ? [] : [{ tenant, id: conversation, change: head.change, accessVersion: head.accessVersion }]
        }),
      })),
    list: (query) => operation(database, () => listPage(database, query)),
    idle: (query) =>
      operation(database, (now) => {
        const found: Array<{ readonly tenant: string; readonly conversation: string }> = []
        for (const state of database.conversations.values()) {
          if (found.length >= query.limit) break
          const { head } = state
          const conversation = conversationOf(state)
          if (conversation?.type !== query.type || conversation.status !== "active") continue
          if (now - head.lastSendAt >= query.idleMs) found.push({ tenant: head.tenant, conversation: head.id })
        }
        return found
      }),
  })
}
