/**
 * The memory store as a store over a network is met: reads take a while, commits of all nodes wait in one queue and are written together, a node that
 * dies never hears how its commit ended. On request some commits fail, with and without having happened.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { AnswerLeases, type AnswerLeasesShape } from "../../src/ports/answer-leases.ts"
import { type Commit, type CommitOutcome, ConversationLog, type ConversationLogShape } from "../../src/ports/conversation-log.ts"
import { Outbox, type OutboxShape } from "../../src/ports/outbox.ts"
import { type StorageError, storageError } from "../../src/ports/storage-error.ts"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { memoryStorage } from "@parley/adapters/memory"
import type { Process, Simulation } from "./simulation.ts"

export interface StoreFaults {
  /** Longest time a read or a write takes on its way, either way; 0: every operation is one step. */
  latency: number
  /** Of the commits, the share that fails: half of them after having been stored. */
  failing: number
}

export interface SimulatedStore {
  readonly log: ConversationLogShape
  readonly leases: AnswerLeasesShape
  readonly outbox: OutboxShape
  readonly faults: StoreFaults
  /** How often the nodes asked for what. */
  readonly operations: ReadonlyMap<string, number>
  /** The store as a node reaches it. */
  readonly from: (process: Process) => { readonly log: ConversationLogShape; readonly leases: AnswerLeasesShape }
  /** Called for every commit that came to be. */
  onCommit: (commit: Commit, outcome: Extract<CommitOutcome, { readonly outcome: "ok" }>) => void
}

export const makeSimulatedStore = (sim: Simulation): SimulatedStore => {
  const home = sim.process()
  const scope = Scope.makeUnsafe()
  const services = sim.run(Layer.buildWithScope(memoryStorage(), scope), home)
  const log = Context.get(services, ConversationLog)
  const leases = Context.get(services, AnswerLeases)
  const faults: StoreFaults = { latency: 0, failing: 0 }
  const operations = new Map<string, number>()
  const count = (name: string): void => void operations.set(name, (operations.get(name) ?? 0) + 1)
  let waiting: Array<() => void> = []

  const apply = (commit: Commit): Exit.Exit<CommitOutcome, StorageError> => {
    const exit = Effect.runSyncExitWith(home.context)(log.commit(commit))
    if (Exit.isSuccess(exit) && exit.value.outcome === "ok") store.onCommit(commit, exit.value)
    return exit
  }
  const writeAll = (): void => {
    const batch = waiting
    waiting = []
    for (const write of batch) write()
  }
  const LOST = Exit.fail(storageError("unavailable", "the connection to the store was lost"))

  const from: SimulatedStore["from"] = (process) => {
    const way = Effect.suspend(() => (faults.latency === 0 ? Effect.void : Effect.sleep(sim.int(faults.latency))))
    const slow = <A, E>(name: string, operation: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.andThen(
        Effect.suspend(() => {
          count(name)
          return way
        }),
        Effect.flatMap(operation, (result) => Effect.as(way, result)),
      )
    const commit = (wanted: Commit): Effect.Effect<CommitOutcome, StorageError> =>
      Effect.suspend(() => {
        count("commit")
        if (faults.latency === 0 && faults.failing === 0) return apply(wanted)
        return Effect.callback<CommitOutcome, StorageError>((resume) => {
          const reply = (exit: Exit.Exit<CommitOutcome, StorageError>) =>
            process.later(sim.int(faults.latency), () => resume(exit))
          const luck = sim.random()
          if (luck < faults.failing / 2) return reply(LOST)
          if (waiting.length === 0) home.later(sim.int(faults.latency), writeAll)
          waiting.push(() => {
            const exit = apply(wanted)
            reply(luck < faults.failing ? LOST : exit)
          })
        })
      })
    return {
      log: {
        durability: log.durability,
        commit,
        get: (query) => slow("get", log.get(query)),
        changes: (query) => slow("changes", log.changes(query)),
        history: (query) => slow("history", log.history(query)),
        members: (query) => slow("members", log.members(query)),
        heads: (ids) => slow("heads", log.heads(ids)),
        list: (query) => slow("list", log.list(query)),
        idle: (query) => slow("idle", log.idle(query)),
      },
      leases: {
        claim: (...args) => slow("claim", leases.claim(...args)),
        renew: (...args) => slow("renew", leases.renew(...args)),
        release: (...args) => slow("release", leases.release(...args)),
        expired: (...args) => slow("expired", leases.expired(...args)),
        open: (...args) => slow("open", leases.open(...args)),
      },
    }
  }
  const store: SimulatedStore = {
    log: { ...log, commit: (wanted) => Effect.suspend(() => apply(wanted)) },
    leases,
    outbox: Context.get(services, Outbox),
    faults,
    operations,
    from,
    onCommit: () => {},
  }
  return store
}
