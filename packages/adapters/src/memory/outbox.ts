/** The reference `Outbox`. Positions are dense here, so that a row stands at its position less one. */
import { Outbox } from "@parley/core"
import { operation, type Database } from "./database.ts"

export const makeOutbox = (database: Database): Outbox["Service"] =>
  Outbox.of({
    read: (after, limit) => operation(database, () => database.outbox.slice(Math.max(after, 0), Math.max(after, 0) + limit)),
  })
