/** Faults of `ConversationLog.commit`. */
import * as Effect from "effect/Effect"
import type { Commit, CommitOutcome, Item, Put } from "@parley/core"
import { brokenCommit, brokenInput, without, type Log } from "./broken.ts"

const headOf = (log: Log, commit: Commit) =>
  Effect.map(log.get({ tenant: commit.tenant, conversation: commit.conversation, items: [] }), (snapshot) => snapshot?.head)

/** Every put compared with what is stored at this moment: the last writer wins. */
const withCurrent = (log: Log, commit: Commit) =>
  Effect.gen(function* () {
    const ids = commit.puts.map((put) => put.item.id)
    const current = (yield* log.get({ tenant: commit.tenant, conversation: commit.conversation, items: ids }))?.items ?? []
    const puts = commit.puts.map((put, index): Put => ({ ...put, was: current[index]?.change ?? "new" }))
    return { ...commit, puts }
  })

const mapItems = (outcome: CommitOutcome, change: (item: Item) => Item): CommitOutcome =>
  outcome.outcome === "ok" ? { ...outcome, items: outcome.items.map(change) } : outcome

/** Refuses for `isRefused` before anything else is looked at. */
const checkedFirst = (
  fault: string,
  caughtBy: ReadonlyArray<string>,
  isRefused: (commit: Commit) => boolean,
  refusal: CommitOutcome,
) => brokenCommit(fault, caughtBy, (log, commit) => (isRefused(commit) ? Effect.succeed(refusal) : log.commit(commit)))

const fenced: CommitOutcome = { outcome: "fenced" }

export const brokenCommits = [
  brokenCommit(
    "takes a change for a refused commit",
    ["numbers.refused-takes-none", "refusal.conflict", "order.missing"],
    (log, commit) =>
      Effect.tap(log.commit(commit), (outcome) =>
        outcome.outcome === "conflict" || outcome.outcome === "missing"
          ? Effect.flatMap(headOf(log, commit), (head) =>
              log.commit({
                ...without(commit, "key", "expectAccess", "members", "requires", "leases", "fence"),
                outbox: [],
                puts: [{ item: { ...JUNK, id: `msg_junk${head?.change}` }, was: "new" }],
              }),
            )
          : Effect.void,
      ),
  ),
  brokenCommit(
    "tells a number that is one too high",
    ["numbers.dense", "numbers.edit", "numbers.concurrent-senders"],
    (log, commit) =>
      Effect.map(log.commit(commit), (outcome) =>
        mapItems(outcome, (item) => (item.kind === "message" ? { ...item, seq: item.seq + 1 } : item)),
      ),
  ),
  brokenCommit("numbers the conversations of a tenant together", ["numbers.concurrent-conversations"], (log, commit) =>
    log.commit(
      commit.conversation === "room_8" && commit.puts[0]?.item.kind === "message"
        ? { ...commit, puts: [...commit.puts, { item: { ...JUNK, id: `msg_also${commit.puts[0].item.id}` }, was: "new" }] }
        : commit,
    ),
  ),
  brokenCommit(
    "compares no put with what is stored",
    ["conflict.absent", "conflict.older", "conflict.created-twice", "numbers.lost-update", "refusal.conflict", "model.commits"],
    (log, commit) => Effect.flatMap(withCurrent(log, commit), log.commit),
  ),
  brokenCommit("writes put by put", ["atomic.puts", "key.several-puts", "refusal.conflict"], (log, commit) =>
    Effect.gen(function* () {
      const items: Array<Item> = []
      let last: CommitOutcome = yield* log.commit({ ...commit, puts: commit.puts.slice(0, 1) })
      for (let n = 1; last.outcome === "ok" && n < commit.puts.length; n++) {
        items.push(...last.items)
        last = yield* log.commit({
          ...without(commit, "key", "members", "revokes"),
          outbox: [],
          puts: commit.puts.slice(n, n + 1),
        })
      }
      return last.outcome === "ok" ? { ...last, items: [...items, ...last.items] } : last
    }),
  ),
  brokenCommit("overtakes commits that were issued before", ["numbers.pipelined"], (log, commit) => {
    const isOdd = commit.puts[0]?.item.id.endsWith("1") === true
    return Effect.andThen(isOdd ? Effect.sleep(5) : Effect.void, log.commit(commit))
  }),
  brokenCommit("lets its clock go back", ["numbers.times"], (log, commit) =>
    Effect.map(log.commit(commit), (outcome) =>
      mapItems(outcome, (item) => ({ ...item, createdAt: item.createdAt - item.change * 1_000 })),
    ),
  ),
  brokenCommit("counts everything as a send", ["numbers.last-send"], (log, commit) =>
    Effect.map(log.commit(commit), (outcome) =>
      outcome.outcome === "ok" ? { ...outcome, head: { ...outcome.head, lastSendAt: outcome.head.updatedAt } } : outcome,
    ),
  ),
  brokenCommit("returns the row as it was before", ["numbers.head", "numbers.dense"], (log, commit) =>
    Effect.map(log.commit(commit), (outcome) =>
      outcome.outcome === "ok" ? { ...outcome, head: { ...outcome.head, change: outcome.head.change - 1 } } : outcome,
    ),
  ),
  brokenInput("moves no access version", ["numbers.access-version", "access.current"], (commit) => without(commit, "revokes")),
  brokenInput("moves the access version with every commit", ["numbers.access-version"], (commit) => ({
    ...commit,
    revokes: true,
  })),

  brokenInput("ignores expectAccess", ["refusal.stale_access", "order.stale_access", "access.current"], (commit) =>
    without(commit, "expectAccess"),
  ),
  brokenInput("ignores the fence", ["refusal.fenced", "order.fenced", "fence.older-owner", "close.with-item"], (commit) =>
    without(commit, "fence"),
  ),
  brokenInput("ignores requires", ["refusal.missing", "order.missing", "requires.same-commit"], (commit) =>
    without(commit, "requires"),
  ),
  brokenCommit("does not count tombstones as existing", ["requires.tombstone"], (log, commit) =>
    Effect.gen(function* () {
      const ids = commit.requires ?? []
      const found = yield* log.get({ tenant: commit.tenant, conversation: commit.conversation, items: ids })
      const gone = found?.items.find((item) => item?.kind === "message" && item.deleted !== undefined)
      return gone === undefined ? yield* log.commit(commit) : { outcome: "missing" as const, itemId: gone.id }
    }),
  ),
  brokenInput("lets everybody into a full room", ["refusal.room_full", "members.count"], (commit) =>
    commit.members === undefined ? commit : { ...commit, members: { ...commit.members, max: 1_000 } },
  ),
  brokenInput("counts no members", ["members.count", "numbers.head"], (commit) => without(commit, "members")),

  checkedFirst(
    "checks access before the key",
    ["order.repeat", "key.after-edit"],
    (commit) => (commit.expectAccess ?? 1) !== 1 || (commit.key !== undefined && commit.expectAccess !== undefined),
    {
      outcome: "stale_access",
      accessVersion: 1,
    },
  ),
  checkedFirst(
    "checks the fence before access",
    ["order.stale_access", "order.unknown-conversation"],
    (commit) => commit.fence?.fence === 7,
    fenced,
  ),
  checkedFirst("checks requires before the fence", ["order.fenced"], (commit) => commit.requires?.includes("msg_none") === true, {
    outcome: "missing",
    itemId: "msg_none",
  }),
  checkedFirst("checks the members before the puts", ["order.conflict", "order.missing"], (commit) => commit.members?.max === 1, {
    outcome: "room_full",
  }),

  brokenInput(
    "forgets the keys",
    [
      "key.repeat",
      "key.concurrent",
      "key.tenant-wide",
      "key.tenant-wide-concurrent",
      "key.get",
      "refusal.repeat",
      "model.commits",
    ],
    (commit) => without(commit, "key"),
  ),
  brokenCommit("looks for the key in one step and commits in the next", ["key.concurrent"], (log, commit) =>
    Effect.gen(function* () {
      const { tenant, conversation, key } = commit
      if (key === undefined) return yield* log.commit(commit)
      const repeat = (yield* log.get({ tenant, conversation, items: [], key }))?.repeat
      if (repeat !== undefined) return repeat
      yield* Effect.yieldNow
      return yield* log.commit(without(commit, "key"))
    }),
  ),
  brokenInput("keeps no fingerprint", ["key.other-request", "key.get", "key.tenant-wide"], (commit) =>
    commit.key === undefined ? commit : { ...commit, key: { ...commit.key, request: "" } },
  ),
  brokenCommit("tells a repeat the numbers of now", ["key.after-edit"], (log, commit) =>
    Effect.gen(function* () {
      const outcome = yield* log.commit(commit)
      if (outcome.outcome !== "repeat") return outcome
      const ids = outcome.committed.map((each) => each.itemId)
      const now = yield* log.get({ tenant: commit.tenant, conversation: outcome.conversation, items: ids })
      return {
        ...outcome,
        committed: outcome.committed.map((each, index) => ({ ...each, change: now?.items[index]?.change ?? each.change })),
      }
    }),
  ),
  brokenInput("joins scope and id of a key with a colon", ["key.reach"], (commit) =>
    commit.key === undefined
      ? commit
      : { ...commit, key: { ...commit.key, scope: "", id: `${commit.key.scope}:${commit.key.id}` } },
  ),
  brokenInput("makes every key tenant-wide", ["key.reach", "erase.others"], (commit) =>
    commit.key === undefined ? commit : { ...commit, key: { ...commit.key, tenantWide: true } },
  ),
  brokenCommit("remembers the key of a refused commit", ["key.refused-keeps-none"], (log, commit) =>
    Effect.tap(log.commit(commit), (outcome) =>
      outcome.outcome === "ok" || commit.key === undefined
        ? Effect.void
        : log.commit({ tenant: commit.tenant, conversation: commit.conversation, key: commit.key, puts: [], outbox: [] }),
    ),
  ),
]

const JUNK = {
  kind: "message",
  id: "msg_junk",
  v: 1,
  author: { kind: "system" },
  type: "system",
  parts: [],
} as const
