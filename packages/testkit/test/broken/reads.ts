/** Faults of the reads of `ConversationLog`. */
import * as Effect from "effect/Effect"
import type { Item, Listed } from "@parley/core"
import { brokenLog, type Log } from "./broken.ts"

type ChangesQuery = Parameters<Log["changes"]>[0]
type HistoryQuery = Parameters<Log["history"]>[0]

const mapped = <A, B, E>(effect: Effect.Effect<A | undefined, E>, change: (value: A) => B): Effect.Effect<B | undefined, E> =>
  Effect.map(effect, (value) => (value === undefined ? undefined : change(value)))

/** Every version of every item, as a store without compaction would keep them. */
const withVersions = (log: Log): Partial<Log> => {
  const versions: Array<Item> = []
  return {
    commit: (commit) =>
      Effect.tap(log.commit(commit), (outcome) =>
        Effect.sync(() => (outcome.outcome === "ok" ? versions.push(...outcome.items) : undefined)),
      ),
    changes: (query) =>
      mapped(log.changes(query), (page) => {
        const items = versions.filter((item) => item.change > query.after && item.change <= page.upTo)
        return { ...page, items: items.slice(0, query.limit) }
      }),
  }
}

const brokenChanges = (
  fault: string,
  caughtBy: ReadonlyArray<string>,
  change: (log: Log, query: ChangesQuery) => ReturnType<Log["changes"]>,
) => brokenLog(fault, caughtBy, (log) => ({ changes: (query) => change(log, query) }))

const brokenHistory = (
  fault: string,
  caughtBy: ReadonlyArray<string>,
  change: (log: Log, query: HistoryQuery) => ReturnType<Log["history"]>,
) => brokenLog(fault, caughtBy, (log) => ({ history: (query) => change(log, query) }))

export const brokenReads = [
  brokenLog(
    "returns replaced versions of an item",
    ["changes.compact", "changes.compact-many", "changes.more-after-edit"],
    withVersions,
  ),
  brokenChanges("reads from the cursor on", ["changes.after", "changes.at-head", "model.commits"], (log, query) =>
    log.changes({ ...query, after: query.after - 1 }),
  ),
  brokenChanges("loses the first change of a page", ["changes.after", "changes.acknowledged"], (log, query) =>
    log.changes({ ...query, after: query.after + 1 }),
  ),
  brokenChanges("says that every page is the last", ["changes.limit", "changes.max-bytes"], (log, query) =>
    mapped(log.changes(query), (page) => ({ ...page, more: false })),
  ),
  brokenChanges("says more when a page is full", ["changes.limit", "changes.more-after-edit"], (log, query) =>
    mapped(log.changes(query), (page) => ({ ...page, more: page.items.length === query.limit })),
  ),
  brokenChanges("says that every page covers all changes", ["changes.limit"], (log, query) =>
    mapped(log.changes(query), (page) => ({ ...page, upTo: page.head.change })),
  ),
  brokenChanges("knows no limit of bytes", ["changes.max-bytes"], (log, query) => log.changes({ ...query, maxBytes: 1e9 })),
  brokenChanges("cuts a page before its first item", ["changes.max-bytes"], (log, query) =>
    mapped(log.changes(query), (page) => (query.maxBytes < 100 ? { ...page, items: [], upTo: query.after, more: true } : page)),
  ),
  brokenChanges("reads the row before the items", ["changes.snapshot"], (log, query) =>
    Effect.gen(function* () {
      const before = yield* log.changes(query)
      yield* Effect.yieldNow
      const page = yield* log.changes(query)
      return before === undefined || page === undefined ? undefined : { ...page, head: before.head }
    }),
  ),
  brokenLog("alters items that a reader holds", ["changes.immutable"], (log) => {
    const shared = new Map<string, Item>()
    const share = (item: Item): Item => {
      const known = shared.get(item.id)
      if (known === undefined) shared.set(item.id, { ...item })
      else Object.assign(known, item)
      return shared.get(item.id) as Item
    }
    return {
      changes: (query) => mapped(log.changes(query), (page) => ({ ...page, items: page.items.map(share) })),
      commit: (commit) =>
        Effect.tap(log.commit(commit), (outcome) =>
          Effect.sync(() => (outcome.outcome === "ok" ? outcome.items.forEach(share) : undefined)),
        ),
    }
  }),
  brokenLog("reads from a replica that lags", ["changes.acknowledged", "numbers.edit"], (log) => {
    const cached = new Map<string, Effect.Success<ReturnType<Log["get"]>>>()
    return {
      get: (query) =>
        Effect.map(log.get(query), (snapshot) => {
          const name = `${query.tenant} ${query.conversation} ${query.items.join()}`
          const late = cached.get(name)
          cached.set(name, snapshot)
          return late ?? (snapshot && { ...snapshot, items: snapshot.items.map(() => undefined) })
        }),
    }
  }),

  brokenHistory("returns a page newest first", ["history.before", "history.walk"], (log, query) =>
    mapped(log.history(query), (page) => ("before" in query ? { ...page, messages: page.messages.toReversed() } : page)),
  ),
  brokenHistory("reads the oldest messages below a seq", ["history.before", "history.max-bytes"], (log, query) =>
    "before" in query
      ? mapped(
          log.history({
            tenant: query.tenant,
            conversation: query.conversation,
            limit: query.limit,
            maxBytes: query.maxBytes,
            from: 1,
          }),
          (page) => ({
            ...page,
            messages: page.messages.filter((message) => message.seq < query.before),
          }),
        )
      : log.history(query),
  ),
  brokenHistory("leaves out the message it reads from", ["history.from", "model.commits"], (log, query) =>
    log.history("from" in query ? { ...query, from: query.from + 1 } : query),
  ),
  brokenHistory("says that there is always more", ["history.empty", "history.from"], (log, query) =>
    mapped(log.history(query), (page) => ({ ...page, more: true })),
  ),
  brokenHistory("leaves out tombstones", ["history.newest-version"], (log, query) =>
    mapped(log.history(query), (page) => ({
      ...page,
      messages: page.messages.filter((message) => message.deleted === undefined),
    })),
  ),
  brokenHistory("brings no reactions", ["history.reactions", "model.commits"], (log, query) =>
    mapped(log.history(query), (page) => ({ ...page, reactions: [] })),
  ),
  brokenHistory("knows no limit of bytes in history", ["history.max-bytes"], (log, query) =>
    log.history({ ...query, maxBytes: 1e9 }),
  ),

  brokenLog("shows joined members only", ["members.pages"], (log) => ({
    members: (query) =>
      mapped(log.members(query), (page) => ({ ...page, members: page.members.filter((each) => each.status === "joined") })),
  })),
  brokenLog("orders members by UTF-8 bytes", ["members.code-units"], (log) => ({
    members: (query) =>
      mapped(log.members({ ...query, limit: 1_000 }), (page) => ({
        members: page.members.toSorted((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))).slice(0, query.limit),
        more: page.members.length > query.limit,
      })),
  })),
  brokenLog("lists the oldest send first", ["list.order"], (log) => ({
    list: (query) => Effect.map(log.list(query), (page) => ({ ...page, entries: page.entries.toReversed() })),
  })),
  brokenLog("lists whatever the status", ["list.entries"], (log) => ({
    list: (query) => log.list({ ...query, statuses: ["invited", "joined", "left", "removed", "banned"] }),
  })),
  brokenLog("lists rows of yesterday", ["list.entries"], (log) => {
    const first = new Map<string, Listed>()
    return {
      list: (query) =>
        Effect.map(log.list({ ...query, statuses: ["invited", "joined"] }), (page) => {
          for (const each of page.entries) if (!first.has(each.head.id)) first.set(each.head.id, each)
          return { ...page, entries: page.entries.map((each) => first.get(each.head.id) ?? each) }
        }),
    }
  }),
  brokenLog(
    "names heads of conversations that are not there",
    ["heads.batch", "isolation.other-tenant", "erase.reads"],
    (log) => ({
      heads: (ids) =>
        Effect.map(log.heads(ids), ({ epoch, heads }) => ({
          epoch,
          heads: ids.map(
            ({ tenant, conversation }) =>
              heads.find((each) => each.tenant === tenant && each.id === conversation) ?? {
                tenant,
                id: conversation,
                change: 0,
                accessVersion: 1,
              },
          ),
        })),
    }),
  ),
  brokenLog("finds sessions idle at once", ["idle.active"], (log) => ({ idle: (query) => log.idle({ ...query, idleMs: 0 }) })),
  brokenLog("counts idleness from the last change", ["idle.last-send"], (log) => {
    const changed = new Map<string, number>()
    return {
      commit: (commit) =>
        Effect.tap(log.commit(commit), (outcome) =>
          Effect.sync(() => (outcome.outcome === "ok" ? changed.set(outcome.head.id, outcome.head.updatedAt) : undefined)),
        ),
      idle: (query) =>
        Effect.gen(function* () {
          const all = yield* log.idle({ ...query, idleMs: 0 })
          const now = Math.max(...changed.values())
          return all.filter(({ conversation }) => now - (changed.get(conversation) ?? 0) >= query.idleMs)
        }),
    }
  }),
]
