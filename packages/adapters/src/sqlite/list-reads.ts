/** Reads over many conversations. */
import { memberIdOf } from "@parley/core"
import type { Conversation, Heading, Item, ListQuery, Listed, Member } from "@parley/core"
import { HEAD_COLUMNS, headOf, type HeadColumns } from "./heads.ts"
import type { Reader } from "./reader.ts"
import { itemOf, type StoredItem } from "./rows.ts"

export const makeListReads = (reader: Reader, epoch: string) => {
  const heading = reader.query<{ change: number; access_version: number }>(
    "SELECT change, access_version FROM conversations WHERE tenant = ? AND id = ? AND erased = 0",
  )
  // A send moves one row, that of its conversation, and not one row per member: so the order is made here, out of the user's
  // conversations. Their number bounds the work, whatever the page.
  // Plain "?" alone: Node 22 binds no positional value to a numbered parameter.
  const ofUser = reader.query<HeadColumns & { readonly id: string }>(
    `SELECT ${HEAD_COLUMNS.split(", ")
      .map((column) => `v.${column}`)
      .join(", ")}, v.id
     FROM members m JOIN conversations v ON v.c = m.c
     WHERE m.tenant = ? AND m.user_id = ? AND m.status IN (SELECT value FROM json_each(?))
       AND v.type IN (SELECT value FROM json_each(?)) AND v.erased = 0
       AND (? IS NULL OR (v.last_send_at, v.id) < (?, ?))
     ORDER BY v.last_send_at DESC, v.id DESC LIMIT ? + 1`,
  )
  const item = reader.query<StoredItem>("SELECT change, seq, created_at, updated_at, body FROM items WHERE c = ? AND id = ?")
  const idle = reader.query<{ tenant: string; conversation: string }>(
    `SELECT tenant, id AS conversation FROM conversations
     WHERE type = ? AND status = 'active' AND last_send_at <= ? ORDER BY last_send_at LIMIT ?`,
  )

  const itemAt = (c: number, id: string): Item | undefined => {
    const row = item.one(c, id)
    return row === undefined ? undefined : itemOf(row)
  }

  return {
    itemAt,
    heads: (ids: ReadonlyArray<{ readonly tenant: string; readonly conversation: string }>) => {
      const heads: Array<Heading & { readonly tenant: string }> = []
      for (const { tenant, conversation } of ids) {
        const row = heading.one(tenant, conversation)
        if (row !== undefined) heads.push({ tenant, id: conversation, change: row.change, accessVersion: row.access_version })
      }
      return { epoch, heads }
    },
    list: ({ tenant, userId, types, statuses, limit, after }: ListQuery) => {
      const rows = ofUser.all(
        tenant,
        userId,
        JSON.stringify(statuses),
        JSON.stringify(types),
        after?.lastSendAt ?? null,
        after?.lastSendAt ?? null,
        after?.id ?? null,
        limit,
      )
      const entries = rows.slice(0, limit).map((row): Listed => ({
        head: headOf(tenant, row.id, epoch, row),
        conversation: itemAt(row.c, row.id) as Conversation,
        member: itemAt(row.c, memberIdOf(userId)) as Member,
      }))
      return { entries, more: rows.length > limit }
    },
    idle: (type: string, notAfter: number, limit: number) => idle.all(type, notAfter, limit).map((row) => ({ ...row })),
  }
}
