/** Pages of one conversation: by keyset, and cut at whichever bound comes first, though never before the first item. */
import { ID_PREFIX } from "@parley/core"
import type { ChangesPage, ConversationHead, HistoryPage, Item, Member, MembersPage, Message, Reactions } from "@parley/core"
import type { Reader } from "./reader.ts"
import { bytesOf, itemOf, positionOf, type StoredItem } from "./rows.ts"

export interface PageBounds {
  readonly limit: number
  readonly maxBytes: number
}

type MessageRow = StoredItem & {
  readonly r_change: number | null
  readonly r_created_at: number
  readonly r_updated_at: number
  readonly r_body: string
}

const ITEM = "change, seq, created_at, updated_at, body"

/** The id of a message's `reactions` item follows from the message's, as `reactionsIdOf` has it. */
const MESSAGES_WITH_REACTIONS = `
  SELECT m.change, m.seq, m.created_at, m.updated_at, m.body,
    r.change AS r_change, r.created_at AS r_created_at, r.updated_at AS r_updated_at, r.body AS r_body
  FROM items m LEFT JOIN items r
    ON r.c = m.c AND r.id = '${ID_PREFIX.reactions}' || substr(m.id, ${ID_PREFIX.message.length + 1})`

const reactionsOf = (row: MessageRow): StoredItem | undefined =>
  row.r_change === null
    ? undefined
    : { change: row.r_change, seq: null, created_at: row.r_created_at, updated_at: row.r_updated_at, body: row.r_body }

export const makePages = (reader: Reader) => {
  // One row more than the limit tells whether more follow.
  const changes = reader.query<StoredItem>(`SELECT ${ITEM} FROM items WHERE c = ? AND change > ? ORDER BY change LIMIT ? + 1`)
  const before = reader.query<MessageRow>(
    `${MESSAGES_WITH_REACTIONS} WHERE m.c = ? AND m.seq < ? ORDER BY m.seq DESC LIMIT ? + 1`,
  )
  const from = reader.query<MessageRow>(`${MESSAGES_WITH_REACTIONS} WHERE m.c = ? AND m.seq >= ? ORDER BY m.seq LIMIT ? + 1`)
  const members = reader.query<StoredItem>(
    `SELECT i.change, i.seq, i.created_at, i.updated_at, i.body FROM members m JOIN items i ON i.n = m.n
     WHERE m.c = ? AND m.position > ? ORDER BY m.position LIMIT ? + 1`,
  )

  return {
    changes: (c: number, head: ConversationHead, after: number, bounds: PageBounds): ChangesPage => {
      const items: Array<Item> = []
      let bytes = 0
      for (const row of changes.each(c, after, bounds.limit)) {
        bytes += bytesOf(row)
        if (items.length >= bounds.limit || (items.length > 0 && bytes > bounds.maxBytes))
          return { head, items, upTo: items.at(-1)?.change ?? after, more: true }
        items.push(itemOf(row))
      }
      return { head, items, upTo: head.change, more: false }
    },

    history: (
      c: number,
      head: ConversationHead,
      position: { readonly before: number } | { readonly from: number },
      bounds: PageBounds,
    ): HistoryPage => {
      const backwards = "before" in position
      const rows = backwards ? before.each(c, position.before, bounds.limit) : from.each(c, position.from, bounds.limit)
      const messages: Array<Message> = []
      const reactions: Array<Reactions> = []
      let bytes = 0
      let more = false
      for (const row of rows) {
        const reacted = reactionsOf(row)
        bytes += bytesOf(row) + (reacted === undefined ? 0 : bytesOf(reacted))
        more = messages.length >= bounds.limit || (messages.length > 0 && bytes > bounds.maxBytes)
        if (more) break
        messages.push(itemOf(row) as Message)
        if (reacted !== undefined) reactions.push(itemOf(reacted) as Reactions)
      }
      if (backwards) {
        messages.reverse()
        reactions.reverse()
      }
      return { head, messages, reactions, more }
    },

    members: (c: number, after: string | undefined, limit: number): MembersPage => {
      const rows = members.all(c, after === undefined ? Buffer.alloc(0) : positionOf(after), limit)
      return { members: rows.slice(0, limit).map((row) => itemOf(row) as Member), more: rows.length > limit }
    },
  }
}
