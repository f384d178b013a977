/** Items as rows, for the writer: found by id, written with their stamps and with the index of members. */
import type { DatabaseSync } from "node:sqlite"
import type { ConversationRow } from "./heads.ts"
import { positionOf } from "./rows.ts"
import type { WirePut, WireStamps } from "./writer-messages.ts"

export type ItemRow = {
  readonly n: number
  readonly change: number
  readonly seq: number | null
  readonly created_at: number
  readonly updated_at: number
  readonly body: string
}

export const makeItemRows = (database: DatabaseSync) => {
  const select = database.prepare("SELECT n, change, seq, created_at, updated_at, body FROM items WHERE c = ? AND id = ?")
  const insert = database.prepare(
    "INSERT INTO items (c, id, kind, change, seq, created_at, updated_at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  )
  const update = database.prepare("UPDATE items SET change = ?, updated_at = ?, body = ? WHERE n = ?")
  const insertMember = database.prepare("INSERT INTO members (c, position, n, tenant, user_id, status) VALUES (?, ?, ?, ?, ?, ?)")
  const updateMember = database.prepare("UPDATE members SET status = ? WHERE c = ? AND position = ?")

  return {
    find: (c: number, id: string) => select.get(c, id) as ItemRow | undefined,
    write: (row: ConversationRow, { item, body, member }: WirePut, stamps: WireStamps, before: ItemRow | undefined): void => {
      const { change, createdAt, updatedAt, seq } = stamps
      if (before !== undefined) {
        update.run(change, updatedAt, body, before.n)
        if (member !== undefined) updateMember.run(member.status, row.c, positionOf(item.id))
        return
      }
      const { lastInsertRowid } = insert.run(row.c, item.id, item.kind, change, seq ?? null, createdAt, updatedAt, body)
      if (member !== undefined)
        insertMember.run(row.c, positionOf(item.id), lastInsertRowid, row.head.tenant, member.userId, member.status)
    },
  }
}
