/**
 * Decides one commit inside the writer's open transaction, and carries it out. All checks come before the first write, so
 * that a refused commit has nothing to undo and may share its transaction with others.
 */
import type { DatabaseSync } from "node:sqlite"
import { advance, emptyHead, type Item, type Put } from "@parley/core/domain"
import type { Committed } from "@parley/core"
import { makeCommitKeys } from "./commit-keys.ts"
import type { Fingerprint } from "../internal/fingerprint.ts"
import type { ConversationRow, Heads } from "./heads.ts"
import { makeItemRows, type ItemRow } from "./item-rows.ts"
import type { LeaseRows } from "./lease-rows.ts"
import type { WireCommit, WireItem, WireOutcome, WireStamps } from "./writer-messages.ts"

export interface CommitTools {
  readonly database: DatabaseSync
  readonly epoch: string
  readonly fingerprint: Fingerprint
  readonly heads: Heads
  readonly leases: LeaseRows
}

const wireItemOf = (row: ItemRow): WireItem => ({
  body: row.body,
  change: row.change,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  ...(row.seq === null ? {} : { seq: row.seq }),
})

const creates = (commit: WireCommit): boolean => commit.puts.some((put) => put.was === "new" && put.item.kind === "conversation")

export const makeApplyCommit = ({ database, epoch, fingerprint, heads, leases }: CommitTools) => {
  const items = makeItemRows(database)
  const keys = makeCommitKeys(database, fingerprint)
  const insertFact = database.prepare("INSERT INTO outbox (c, at, type, actor, item_id, subject) VALUES (?, ?, ?, ?, ?, ?)")
  const eraseRows = ["items", "members", "commit_keys", "tenant_keys", "answer_leases"].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE c = ?`),
  )

  /** Fills `before` with the rows that the puts replace. */
  const refusalOf = (
    commit: WireCommit,
    row: ConversationRow | undefined,
    before: Map<string, ItemRow>,
  ): WireOutcome | undefined => {
    const repeat = commit.key === undefined ? undefined : keys.find(commit, commit.key, row)
    if (repeat !== undefined) return repeat

    // The id of an erased conversation is taken for good.
    const live = row === undefined || row.erased ? undefined : row
    if (live === undefined && (row !== undefined || !creates(commit))) return { outcome: "missing", itemId: commit.conversation }

    const accessVersion = live?.head.accessVersion
    if (accessVersion !== undefined && commit.expectAccess !== undefined && commit.expectAccess !== accessVersion)
      return { outcome: "stale_access", accessVersion }

    const { fence } = commit
    if (fence !== undefined && (live === undefined || leases.fenceOf(live.c, fence.answer) !== fence.fence))
      return { outcome: "fenced" }

    for (const id of commit.requires ?? [])
      if (live === undefined || items.find(live.c, id) === undefined) return { outcome: "missing", itemId: id }

    for (const { item, was } of commit.puts) {
      const current = live === undefined ? undefined : items.find(live.c, item.id)
      if (current === undefined && was === "new") continue
      if (current === undefined || was !== current.change)
        return { outcome: "conflict", itemId: item.id, ...(current === undefined ? {} : { current: wireItemOf(current) }) }
      before.set(item.id, current)
    }

    const { members } = commit
    // A room may stand above a maximum that was lowered later; leaving it is no reason for a refusal.
    if (members !== undefined && members.delta > 0 && (live?.head.members ?? 0) + members.delta > members.max)
      return { outcome: "room_full" }
    return undefined
  }

  return (commit: WireCommit, now: number): WireOutcome => {
    const { tenant, conversation } = commit
    const found = heads.find(tenant, conversation)
    const before = new Map<string, ItemRow>()
    const refusal = refusalOf(commit, found, before)
    if (refusal !== undefined) return refusal

    const row = found ?? heads.create(emptyHead(tenant, conversation, epoch, now))
    const previous = new Map<string, Item>()
    // `advance` reads kind, id and author of what is put, and the stamps of what is replaced; everything else stays text here.
    for (const [id, { seq, created_at: createdAt }] of before) previous.set(id, { createdAt, seq } as unknown as Item)
    const advanced = advance(row.head, {
      puts: commit.puts as unknown as ReadonlyArray<Put>,
      previous,
      now,
      ...(commit.members === undefined ? {} : { members: commit.members.delta }),
      ...(commit.revokes === undefined ? {} : { revokes: commit.revokes }),
    })
    row.head = advanced.head
    heads.touch(row)

    const stamps: Array<WireStamps> = []
    const committed: Array<Committed> = []
    for (const [index, item] of advanced.items.entries()) {
      const { change, createdAt, updatedAt } = item
      const seq = item.kind === "message" ? { seq: item.seq } : undefined
      const stamp: WireStamps = { change, createdAt, updatedAt, ...seq }
      stamps.push(stamp)
      committed.push({ itemId: item.id, change, ...seq })
      if (commit.erase === true) continue
      const put = commit.puts[index] as WireCommit["puts"][number]
      items.write(row, put, stamp, before.get(item.id))
      if (put.conversation !== undefined) {
        row.type = put.conversation.type
        row.status = put.conversation.status
      }
    }
    for (const { type, actor, itemId, subject } of commit.outbox)
      insertFact.run(row.c, advanced.head.updatedAt, type, actor ?? null, itemId ?? null, subject ?? null)
    if (commit.erase === true) {
      for (const statement of eraseRows) statement.run(row.c)
      heads.erase(row)
    } else {
      if (commit.key !== undefined) keys.remember(commit, commit.key, row, committed)
      for (const change of commit.leases ?? []) leases.move(row.c, change, now)
    }
    return { outcome: "ok", head: advanced.head, stamps }
  }
}
