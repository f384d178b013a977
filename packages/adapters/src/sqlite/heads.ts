/**
 * The writer's view of the conversation rows. Only the writer changes them, and the lock keeps every other process out, so
 * a row that was read once stays true in memory; it is written back once per transaction, however many commits moved it.
 */
import type { DatabaseSync } from "node:sqlite"
import type { ConversationHead, ConversationStatus, ConversationType } from "@parley/core"

/** Rows kept between transactions; about a kilobyte each. */
const KEPT = 8192

export interface ConversationRow {
  /** The conversation's number in every other table. */
  readonly c: number
  readonly erased: boolean
  head: ConversationHead
  type: ConversationType | null
  status: ConversationStatus | null
}

export type HeadColumns = {
  readonly c: number
  readonly change: number
  readonly seq: number
  readonly first_seq: number
  readonly access_version: number
  readonly members: number
  readonly created_at: number
  readonly last_send_at: number
  readonly updated_at: number
}

export const HEAD_COLUMNS = "c, change, seq, first_seq, access_version, members, created_at, last_send_at, updated_at"

export const headOf = (tenant: string, id: string, epoch: string, row: HeadColumns): ConversationHead => ({
  tenant,
  id,
  epoch,
  change: row.change,
  seq: row.seq,
  firstSeq: row.first_seq,
  accessVersion: row.access_version,
  members: row.members,
  createdAt: row.created_at,
  lastSendAt: row.last_send_at,
  updatedAt: row.updated_at,
})

type FoundRow = HeadColumns & {
  readonly erased: number
  readonly type: ConversationType | null
  readonly status: ConversationStatus | null
}

export interface Heads {
  readonly find: (tenant: string, id: string) => ConversationRow | undefined
  /** Inserts the row of a new conversation; its numbers are written by `flush`. */
  readonly create: (head: ConversationHead) => ConversationRow
  /** The row was changed in memory. */
  readonly touch: (row: ConversationRow) => void
  /** Leaves the id as a tombstone. */
  readonly erase: (row: ConversationRow) => void
  /** Writes what was touched; the last step before COMMIT. */
  readonly flush: () => void
  /** After a rollback nothing in memory can be trusted. */
  readonly forget: () => void
}

// Ids hold no NUL, so two names never meet in one key.
const nameOf = (tenant: string, id: string): string => `${tenant}\0${id}`

export const makeHeads = (database: DatabaseSync, epoch: string): Heads => {
  const rows = new Map<string, ConversationRow>()
  const touched = new Set<ConversationRow>()
  const select = database.prepare(`SELECT ${HEAD_COLUMNS}, erased, type, status FROM conversations WHERE tenant = ? AND id = ?`)
  const insert = database.prepare(
    `INSERT INTO conversations (tenant, id, change, seq, first_seq, access_version, members, created_at, last_send_at, updated_at)
     VALUES (?, ?, 0, 0, 1, 1, 0, ?, ?, ?)`,
  )
  const update = database.prepare(
    `UPDATE conversations SET type = ?, status = ?, change = ?, seq = ?, first_seq = ?, access_version = ?, members = ?,
       last_send_at = ?, updated_at = ? WHERE c = ?`,
  )
  const bury = database.prepare("UPDATE conversations SET erased = 1, type = NULL, status = NULL WHERE c = ?")

  return {
    find: (tenant, id) => {
      const name = nameOf(tenant, id)
      const kept = rows.get(name)
      if (kept !== undefined) return kept
      const found = select.get(tenant, id) as FoundRow | undefined
      if (found === undefined) return undefined
      const { c, type, status } = found
      const row: ConversationRow = { c, erased: found.erased === 1, head: headOf(tenant, id, epoch, found), type, status }
      rows.set(name, row)
      return row
    },
    create: (head) => {
      const { tenant, id, createdAt } = head
      const { lastInsertRowid } = insert.run(tenant, id, createdAt, createdAt, createdAt)
      const row: ConversationRow = { c: Number(lastInsertRowid), erased: false, head, type: null, status: null }
      rows.set(nameOf(tenant, id), row)
      touched.add(row)
      return row
    },
    touch: (row) => {
      touched.add(row)
    },
    erase: (row) => {
      touched.delete(row)
      bury.run(row.c)
      rows.set(nameOf(row.head.tenant, row.head.id), { ...row, erased: true })
    },
    flush: () => {
      for (const { c, head, type, status } of touched)
        update.run(
          type,
          status,
          head.change,
          head.seq,
          head.firstSeq,
          head.accessVersion,
          head.members,
          head.lastSendAt,
          head.updatedAt,
          c,
        )
      touched.clear()
      // Dropping all at once is rare and cheap next to keeping an order of use on every commit.
      if (rows.size > KEPT) rows.clear()
    },
    forget: () => {
      rows.clear()
      touched.clear()
    },
  }
}
