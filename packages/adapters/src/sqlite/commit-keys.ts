/** The keys that were used, for the writer and for `get`. */
import { hash, timingSafeEqual } from "node:crypto"
import type { DatabaseSync } from "node:sqlite"
import type { CommitKey, CommitOutcome, Committed } from "@parley/core"
import type { Fingerprint } from "../internal/fingerprint.ts"
import type { ConversationRow } from "./heads.ts"

type Repeat = Extract<CommitOutcome, { readonly outcome: "repeat" }>

type KeyRow = {
  readonly fingerprint: Uint8Array
  readonly committed: string
  /** Of a tenant's key: the conversation that used it. */
  readonly conversation?: string
}

/** 48 bits, which a number holds; the row tells equal ones apart. No two names run together, for neither holds a NUL. */
const hashOf = ({ scope, id }: CommitKey): number => hash("sha256", `${scope}\0${id}`, "buffer").readUIntBE(0, 6)

export const makeKeyReader = (database: DatabaseSync, fingerprint: Fingerprint) => {
  const ofConversation = database.prepare(
    "SELECT fingerprint, committed FROM commit_keys WHERE c = ? AND hash = ? AND scope = ? AND id = ?",
  )
  const ofTenant = database.prepare(
    `SELECT k.fingerprint, k.committed, v.id AS conversation FROM tenant_keys k JOIN conversations v ON v.c = k.c
     WHERE k.tenant = ? AND k.scope = ? AND k.id = ?`,
  )
  /** `c` is absent while the conversation does not exist. */
  return (
    of: { readonly tenant: string; readonly conversation: string },
    key: CommitKey,
    c: number | undefined,
  ): Repeat | undefined => {
    const row = (
      key.tenantWide === true
        ? ofTenant.get(of.tenant, key.scope, key.id)
        : c === undefined
          ? undefined
          : ofConversation.get(c, hashOf(key), key.scope, key.id)
    ) as KeyRow | undefined
    if (row === undefined) return undefined
    return {
      outcome: "repeat",
      same: timingSafeEqual(row.fingerprint, fingerprint(key.request)),
      conversation: row.conversation ?? of.conversation,
      committed: JSON.parse(row.committed) as ReadonlyArray<Committed>,
    }
  }
}

export const makeCommitKeys = (database: DatabaseSync, fingerprint: Fingerprint) => {
  const find = makeKeyReader(database, fingerprint)
  const insert = database.prepare(
    "INSERT INTO commit_keys (c, hash, scope, id, fingerprint, committed) VALUES (?, ?, ?, ?, ?, ?)",
  )
  const insertForTenant = database.prepare(
    "INSERT INTO tenant_keys (tenant, scope, id, c, fingerprint, committed) VALUES (?, ?, ?, ?, ?, ?)",
  )
  return {
    find: (of: { readonly tenant: string; readonly conversation: string }, key: CommitKey, row: ConversationRow | undefined) =>
      find(of, key, row?.c),
    remember: (
      of: { readonly tenant: string },
      key: CommitKey,
      row: ConversationRow,
      committed: ReadonlyArray<Committed>,
    ): void => {
      const print = fingerprint(key.request)
      const refs = JSON.stringify(committed)
      if (key.tenantWide === true) insertForTenant.run(of.tenant, key.scope, key.id, row.c, print, refs)
      else insert.run(row.c, hashOf(key), key.scope, key.id, print, refs)
    },
  }
}
