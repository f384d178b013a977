/** The reads. Each filters and sorts all there is, which a database does by an index. */
import type { ChangesPage, HistoryPage, Listed, ListQuery, MembersPage, Message, Reactions } from "@parley/core"
import type { State, Stored } from "./state.ts"

interface Bounds {
  readonly limit: number
  readonly maxBytes: number
}

/** As many from the front as fit: at least one, at most `limit`, and no more than `maxBytes` of JSON. */
const cut = <A>(
  all: ReadonlyArray<A>,
  { limit, maxBytes }: Bounds,
  jsonOf: (one: A) => ReadonlyArray<object>,
): ReadonlyArray<A> => {
  let bytes = 0
  const end = all.findIndex((one, index) => {
    for (const object of jsonOf(one)) bytes += Buffer.byteLength(JSON.stringify(object))
    return index >= limit || (index > 0 && bytes > maxBytes)
  })
  return end === -1 ? all : all.slice(0, end)
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export const changesPage = ({ head, items }: Stored, query: Bounds & { readonly after: number }): ChangesPage => {
  const all = [...items.values()].filter(({ change }) => change > query.after).sort((a, b) => a.change - b.change)
  const page = cut(all, query, (item) => [item])
  const more = page.length < all.length
  return { head, items: page, more, upTo: more ? (page.at(-1)?.change ?? query.after) : head.change }
}

export const historyPage = (
  { head, items }: Stored,
  query: Bounds & ({ readonly before: number } | { readonly from: number }),
): HistoryPage => {
  const backwards = "before" in query
  const messages = [...items.values()].filter((item): item is Message => item.kind === "message")
  const reactions = new Map(
    [...items.values()].filter((item): item is Reactions => item.kind === "reactions").map((item) => [item.messageId, item]),
  )
  const all = messages
    .filter(({ seq }) => (backwards ? seq < query.before : seq >= query.from))
    .sort((a, b) => (backwards ? b.seq - a.seq : a.seq - b.seq))
  const withReactions = (message: Message): ReadonlyArray<object> => {
    const reacted = reactions.get(message.id)
    return reacted === undefined ? [message] : [message, reacted]
  }
  const page = cut(all, query, withReactions)
  const inOrder = backwards ? page.toReversed() : page
  return {
    head,
    messages: inOrder,
    reactions: inOrder.flatMap(({ id }) => reactions.get(id) ?? []),
    more: page.length < all.length,
  }
}

export const membersPage = ({ items }: Stored, query: { readonly after?: string; readonly limit: number }): MembersPage => {
  const all = [...items.values()]
    .filter((item) => item.kind === "member")
    .filter(({ id }) => query.after === undefined || id > query.after)
    .sort((a, b) => byCodeUnits(a.id, b.id))
  return { members: all.slice(0, query.limit), more: all.length > query.limit }
}

export const conversationItem = ({ head, items }: Stored) => {
  const item = items.get(head.id)
  return item?.kind === "conversation" ? item : undefined
}

export const listPage = (state: State, query: ListQuery): { readonly entries: ReadonlyArray<Listed>; readonly more: boolean } => {
  const { after } = query
  const all = [...state.conversations.values()]
    .flatMap((stored): ReadonlyArray<Listed> => {
      const conversation = conversationItem(stored)
      const member = [...stored.items.values()].find((item) => item.kind === "member" && item.userId === query.userId)
      if (stored.head.tenant !== query.tenant || conversation === undefined || member?.kind !== "member") return []
      const wanted = query.types.includes(conversation.type) && query.statuses.includes(member.status)
      return wanted ? [{ head: stored.head, conversation, member }] : []
    })
    .sort((a, b) => b.head.lastSendAt - a.head.lastSendAt || byCodeUnits(b.head.id, a.head.id))
    .filter(
      ({ head }) =>
        after === undefined || head.lastSendAt < after.lastSendAt || (head.lastSendAt === after.lastSendAt && head.id < after.id),
    )
  return { entries: all.slice(0, query.limit), more: all.length > query.limit }
}
