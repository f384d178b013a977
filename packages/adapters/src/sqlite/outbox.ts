/** `Outbox` over the read connection; its rows are written with the commits. */
import { Outbox } from "@parley/core"
import type { OutboxFact, OutboxRow } from "@parley/core"
import type { Reader } from "./reader.ts"

type FactRow = {
  readonly position: number
  readonly tenant: string
  readonly conversation: string
  readonly at: number
  readonly type: OutboxFact["type"]
  readonly actor: string | null
  readonly item_id: string | null
  readonly subject: string | null
}

const rowOf = ({ position, tenant, conversation, at, type, actor, item_id: itemId, subject }: FactRow): OutboxRow => ({
  position,
  tenant,
  conversation,
  at,
  type,
  ...(actor === null ? {} : { actor }),
  ...(itemId === null ? {} : { itemId }),
  ...(subject === null ? {} : { subject }),
})

export const makeOutbox = (reader: Reader): Outbox["Service"] => {
  const read = reader.query<FactRow>(
    `SELECT o.position, v.tenant, v.id AS conversation, o.at, o.type, o.actor, o.item_id, o.subject
     FROM outbox o JOIN conversations v ON v.c = o.c WHERE o.position > ? ORDER BY o.position LIMIT ?`,
  )
  return Outbox.of({ read: (after, limit) => reader.snapshot("outbox", () => read.all(after, limit).map(rowOf)) })
}
