/** Rows as the domain's items, for the readers. */
import type { Item } from "@parley/core"

/** The columns that make an item. */
export type StoredItem = {
  readonly change: number
  readonly seq: number | null
  readonly created_at: number
  readonly updated_at: number
  readonly body: string
}

export const itemOf = (row: StoredItem): Item => {
  // Bodies are what a put carried, which the types of the port describe.
  const item = JSON.parse(row.body) as { -readonly [Key in keyof Item]: Item[Key] } & { seq?: number }
  item.change = row.change
  item.createdAt = row.created_at
  item.updatedAt = row.updated_at
  if (row.seq !== null) item.seq = row.seq
  return item as Item
}

const digits = (count: number): number => String(count).length

/** The bytes of the item's JSON: the body's, and what the stamps add before its closing brace. */
export const bytesOf = ({ body, change, seq, created_at: createdAt, updated_at: updatedAt }: StoredItem): number =>
  Buffer.byteLength(body) +
  ',"change":,"createdAt":,"updatedAt":'.length +
  digits(change) +
  digits(createdAt) +
  digits(updatedAt) +
  (seq === null ? 0 : ',"seq":'.length + digits(seq))

/** A key whose bytes compare as the id's UTF-16 code units do. */
export const positionOf = (id: string): Buffer => Buffer.from(id, "utf16le").swap16()
