/** Faults of a whole store: its walls, its texts, its erasure, its end. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { ConversationLog, type CommitKey, type Item, type ItemBody, type Put } from "@parley/core"
import { memoryStorage } from "@parley/adapters/memory"
import type { StorageServices } from "@parley/testkit"
import { brokenCommit, brokenInput, brokenLog, without, type Broken, type Log } from "./broken.ts"

type Texts = (text: string) => string

/** Every string of a value through `change`, keys included; what JSON cannot carry gets lost as in a column of JSON. */
const rewritten = <A>(value: A, change: Texts): A => {
  const rewrite = (part: unknown): unknown => {
    if (typeof part === "string") return change(part)
    if (Array.isArray(part)) return part.map(rewrite)
    if (typeof part !== "object" || part === null) return part
    return Object.fromEntries(Object.entries(part).map(([name, inner]) => [change(name), rewrite(inner)]))
  }
  return rewrite(value) as A
}

const mapPuts = (fault: string, caughtBy: ReadonlyArray<string>, change: (item: ItemBody) => ItemBody) =>
  brokenInput(fault, caughtBy, (commit) => ({
    ...commit,
    puts: commit.puts.map((put): Put => ({ ...put, item: change(put.item) })),
  }))

const everyTenant = (fault: string, caughtBy: ReadonlyArray<string>): Broken<StorageServices> =>
  brokenLog(fault, caughtBy, (log) => {
    const one = <Query extends { readonly tenant: string }>(query: Query): Query => ({ ...query, tenant: "everybody" })
    return {
      commit: (commit) => log.commit(one(commit)),
      get: (query) => log.get(one(query)),
      changes: (query) => log.changes(one(query)),
      history: (query) => log.history(one(query)),
      members: (query) => log.members(one(query)),
      list: (query) => log.list(one(query)),
      heads: (ids) => log.heads(ids.map(one)),
    }
  })

/** Tenant and conversation in one name. */
const joinedNames = (log: Log): Partial<Log> => {
  const one = <Query extends { readonly tenant: string; readonly conversation: string }>(query: Query): Query => ({
    ...query,
    tenant: "everybody",
    conversation: `${query.tenant}:${query.conversation}`,
  })
  return { commit: (commit) => log.commit(one(commit)), changes: (query) => log.changes(one(query)) }
}

const itemsOfTenant = (log: Log): Partial<Log> => {
  const elsewhere = new Map<string, Item>()
  return {
    commit: (commit) =>
      Effect.tap(log.commit(commit), (outcome) =>
        Effect.sync(() => {
          if (outcome.outcome === "ok") for (const item of outcome.items) elsewhere.set(item.id, item)
        }),
      ),
    get: (query) =>
      Effect.map(log.get(query), (snapshot) => snapshot && { ...snapshot, items: query.items.map((id) => elsewhere.get(id)) }),
  }
}

/** A close that only forgets to close. */
const neverCloses: Broken<StorageServices> = {
  fault: "goes on after its layer has closed",
  caughtBy: ["life.closed"],
  layer: () =>
    Layer.effectContext(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        return yield* Layer.buildWithScope(memoryStorage(), scope)
      }),
    ),
}

const filled: Broken<StorageServices> = {
  fault: "starts with what another one wrote",
  caughtBy: ["life.fresh"],
  layer: () =>
    Layer.effectContext(
      Effect.gen(function* () {
        const context = yield* Layer.build(memoryStorage())
        yield* Context.get(context, ConversationLog).commit({
          tenant: "acme",
          conversation: "room_1",
          puts: [{ item: ROOM, was: "new" }],
          outbox: [],
        })
        return context
      }),
    ),
}

const ROOM: ItemBody = {
  kind: "conversation",
  id: "room_1",
  v: 1,
  type: "group",
  status: "active",
  createdBy: "ann",
  maxMembers: 9,
}

export const brokenStores: ReadonlyArray<Broken<StorageServices>> = [
  everyTenant("knows no tenants", ["isolation.same-id", "isolation.other-tenant"]),
  brokenLog("joins tenant and conversation with a colon", ["isolation.joined-names"], joinedNames),
  brokenLog("finds an item by its id alone", ["isolation.conversations", "isolation.same-id"], itemsOfTenant),
  mapPuts("normalises text", ["text.exact", "text.names"], (item) => rewritten(item, (text) => text.normalize("NFC"))),
  mapPuts("trims text", ["text.exact"], (item) => rewritten(item, (text) => text.trim())),
  mapPuts("has three bytes for a character", ["text.exact", "model.texts"], (item) =>
    rewritten(item, (text) => text.replace(/[\u{10000}-\u{10ffff}]/gu, "?")),
  ),
  mapPuts("reads a byte order mark", ["text.exact"], (item) => rewritten(item, (text) => text.replace(/^\ufeff/u, ""))),
  mapPuts("cuts long texts", ["text.exact"], (item) => rewritten(item, (text) => text.slice(0, 65_535))),
  mapPuts("loses fields it does not know", ["text.fields"], (item) =>
    item.kind === "message"
      ? { ...item, parts: item.parts.filter((part) => part.type === "text" || part.type === "source") }
      : item,
  ),
  mapPuts("copies keys by assignment", ["text.names"], (item) => {
    if (item.kind !== "reactions") return item
    const users: Record<string, ReadonlyArray<string>> = {}
    for (const [emoji, who] of Object.entries(item.users)) users[emoji] = who
    return { ...item, users }
  }),

  brokenInput("erases nothing", ["erase.reads", "erase.leases", "erase.keys", "erase.id-used", "model.commits"], (commit) =>
    without(commit, "erase"),
  ),
  brokenLog("keeps the keys of an erased conversation", ["erase.keys"], (log) => {
    const used: Array<CommitKey> = []
    return {
      commit: (commit) =>
        Effect.map(log.commit(commit), (outcome) => {
          const known = used.some((key) => key.id === commit.key?.id)
          if (outcome.outcome === "ok" && commit.key !== undefined) used.push(commit.key)
          return known && outcome.outcome !== "repeat"
            ? { outcome: "repeat" as const, same: true, conversation: commit.conversation, committed: [] }
            : outcome
        }),
    }
  }),
  brokenLog("gives an erased id out again", ["erase.id-used"], (log) => {
    let erased = 0
    const moved = (id: string): string => (erased === 0 ? id : `${id}-${erased}`)
    return {
      commit: (commit) =>
        Effect.tap(log.commit({ ...commit, conversation: moved(commit.conversation) }), () =>
          Effect.sync(() => (erased += commit.erase === true ? 1 : 0)),
        ),
    }
  }),
  brokenInput("loses the fact of an erasure", ["erase.facts"], (commit) =>
    commit.erase === true ? { ...commit, outbox: [] } : commit,
  ),
  brokenCommit("erases in every tenant", ["erase.others"], (log, commit) =>
    commit.erase === true ? Effect.tap(log.commit(commit), () => log.commit({ ...commit, tenant: "other" })) : log.commit(commit),
  ),
  brokenCommit("erases although it refuses", ["erase.refused"], (log, commit) =>
    Effect.tap(log.commit(commit), () => (commit.erase === true ? log.commit(without(commit, "expectAccess")) : Effect.void)),
  ),
  neverCloses,
  filled,
  { fault: "claims to reopen and starts anew", caughtBy: ["life.reopen"], layer: memoryStorage },
]
