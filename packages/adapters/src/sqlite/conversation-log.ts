/** `ConversationLog` over the write queue and the read connection. */
import * as Effect from "effect/Effect"
import { ConversationLog } from "@parley/core"
import type { Commit, CommitKey, CommitOutcome, ConversationHead, Item, ItemBody, StorageError } from "@parley/core"
import { makeKeyReader } from "./commit-keys.ts"
import { makeFingerprint } from "../internal/fingerprint.ts"
import { HEAD_COLUMNS, headOf, type HeadColumns } from "./heads.ts"
import { makeListReads } from "./list-reads.ts"
import { makePages } from "./pages.ts"
import type { Reader } from "./reader.ts"
import { itemOf } from "./rows.ts"
import { readMeta } from "./schema.ts"
import type { WriterClient } from "./writer-client.ts"
import type { WireCommit, WireOutcome, WirePut, WireResult } from "./writer-messages.ts"

const wirePutOf = (item: ItemBody, was: number | "new"): WirePut => {
  const { kind, id } = item
  const body = JSON.stringify(item)
  switch (item.kind) {
    case "message":
      return { item: { kind, id, author: { kind: item.author.kind } }, was, body }
    case "conversation":
      return { item: { kind, id }, was, body, conversation: { type: item.type, status: item.status } }
    case "member":
      return { item: { kind, id }, was, body, member: { userId: item.userId, status: item.status } }
    case "reactions":
      return { item: { kind, id }, was, body }
  }
}

const wireCommitOf = (commit: Commit): WireCommit => ({
  ...commit,
  op: "commit",
  puts: commit.puts.map(({ item, was }) => wirePutOf(item, was)),
})

const sizeOf = ({ key, puts }: WireCommit): number =>
  puts.reduce((size, { body }) => size + body.length, key === undefined ? 0 : key.request.length)

/** The writer numbered and dated what it was sent without its bodies; here they come together again. */
const outcomeOf = (commit: Commit, outcome: WireOutcome): CommitOutcome => {
  if (outcome.outcome === "ok") {
    const items = commit.puts.map(({ item }, index) => ({ ...item, ...outcome.stamps[index] }) as Item)
    return { outcome: "ok", head: outcome.head, items }
  }
  if (outcome.outcome !== "conflict") return outcome
  const { itemId, current } = outcome
  if (current === undefined) return { outcome: "conflict", itemId, current }
  const { body, change, createdAt, updatedAt, seq } = current
  return {
    outcome: "conflict",
    itemId,
    current: itemOf({ body, change, created_at: createdAt, updated_at: updatedAt, seq: seq ?? null }),
  }
}

export const makeConversationLog = (reader: Reader, writer: WriterClient, now: () => number): ConversationLog["Service"] => {
  const { epoch, fingerprintKey } = readMeta(reader.database)
  const findKey = makeKeyReader(reader.database, makeFingerprint(fingerprintKey))
  const pages = makePages(reader)
  const lists = makeListReads(reader, epoch)
  const head = reader.query<HeadColumns>(`SELECT ${HEAD_COLUMNS} FROM conversations WHERE tenant = ? AND id = ? AND erased = 0`)

  /** A read of one conversation; `undefined` when there is none. */
  const read = <A>(
    doing: string,
    { tenant, conversation }: { readonly tenant: string; readonly conversation: string },
    run: (c: number, head: ConversationHead) => A,
  ): Effect.Effect<A | undefined, StorageError> =>
    reader.snapshot(doing, () => {
      const row = head.one(tenant, conversation)
      return row === undefined ? undefined : run(row.c, headOf(tenant, conversation, epoch, row))
    })

  const repeatOf = (query: { readonly tenant: string; readonly conversation: string }, key: CommitKey | undefined, c: number) =>
    key === undefined ? undefined : findKey(query, key, c)

  return ConversationLog.of({
    durability: "durable",
    commit: (commit) =>
      Effect.suspend(() => {
        const wire = wireCommitOf(commit)
        return Effect.map(writer.write(wire, sizeOf(wire)), ({ outcome }: WireResult) =>
          outcomeOf(commit, outcome as WireOutcome),
        )
      }),
    get: (query) =>
      read("get", query, (c, found) => {
        const repeat = repeatOf(query, query.key, c)
        const items = query.items.map((id) => lists.itemAt(c, id))
        return { head: found, items, ...(repeat === undefined ? {} : { repeat }) }
      }),
    changes: (query) => read("changes", query, (c, found) => pages.changes(c, found, query.after, query)),
    history: (query) => read("history", query, (c, found) => pages.history(c, found, query, query)),
    members: (query) => read("members", query, (c) => pages.members(c, query.after, query.limit)),
    heads: (ids) => reader.snapshot("heads", () => lists.heads(ids)),
    list: (query) => reader.snapshot("list", () => lists.list(query)),
    idle: ({ type, idleMs, limit }) => reader.snapshot("idle", () => lists.idle(type, now() - idleMs, limit)),
  })
}
