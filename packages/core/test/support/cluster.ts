/** Nodes over one store and one bus: each the whole core, as `assemble` puts it together, in a process that can be killed. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { memoryBus } from "@parley/adapters/memory"
import { type BusFaults, faultyBus, LogModel } from "@parley/testkit"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { type Assembled, assemble } from "../../src/engine/assemble.ts"
import type { Principal } from "../../src/domain/principal.ts"
import type { Limits, Timing } from "../../src/policy/limits.ts"
import type { AiProvider } from "../../src/ports/ai-provider.ts"
import { AnswerLeases } from "../../src/ports/answer-leases.ts"
import { authenticationError, Authenticator } from "../../src/ports/authenticator.ts"
import { ConversationLog } from "../../src/ports/conversation-log.ts"
import { EventBus, type EventBusShape } from "../../src/ports/event-bus.ts"
import { Outbox } from "../../src/ports/outbox.ts"
import { makeSimulatedStore, type SimulatedStore } from "./simulated-store.ts"
import { makeSimulation, type Process, type Simulation } from "./simulation.ts"

export interface Node extends Assembled {
  readonly process: Process
  /** As `kill -9`. */
  readonly kill: () => void
  /** Drains, then closes its scope: what SIGTERM does. */
  readonly stop: () => void
}

export interface Logged {
  readonly level: string
  readonly message: unknown
}

export interface Cluster {
  readonly sim: Simulation
  readonly store: SimulatedStore
  readonly bus: BusFaults
  /** What was committed, by conversation. */
  readonly logs: ReadonlyMap<string, LogModel>
  /** Every entry of a level from Warn on. */
  readonly logged: ReadonlyArray<Logged>
  readonly start: (options?: { readonly ai?: ReadonlyArray<AiProvider>; readonly limits?: Partial<Limits> }) => Node
}

export interface ClusterOptions {
  readonly seed?: number
  readonly limits?: Partial<Limits>
  readonly timing?: Partial<Timing>
  /** The longest time a bus event takes to another node; 0: it is there when `publish` returns. */
  readonly busLatency?: number
}

export const user = (userId: string, tenant = "t"): Principal => ({ tenant, userId, roles: [] })

/** `user:<id>` is the token of that user. */
const authenticator = Authenticator.of({
  authenticate: (token) =>
    token.startsWith("user:")
      ? Effect.succeed(user(token.slice(5)))
      : Effect.fail(authenticationError(token === "expired" ? "expired" : "invalid", "no such token")),
})

export const makeCluster = (options: ClusterOptions = {}): Cluster => {
  const sim = makeSimulation(options.seed ?? 1)
  const store = makeSimulatedStore(sim)
  const shared = sim.run(Layer.buildWithScope(memoryBus(), Scope.makeUnsafe()))
  const { bus, faults } = faultyBus(Context.get(shared, EventBus))
  const logs = new Map<string, LogModel>()
  const logged: Array<Logged> = []
  store.onCommit = (commit, { head, items }) => {
    let log = logs.get(commit.conversation)
    if (log === undefined) logs.set(commit.conversation, (log = new LogModel(commit.conversation, head.epoch)))
    log.apply(items)
  }
  const capture = Logger.layer([
    Logger.make(({ logLevel, message }) => {
      if (["Warn", "Error", "Fatal"].includes(logLevel)) logged.push({ level: logLevel, message })
    }),
  ])

  /** The bus as one process hears it: late, and not at all once it is dead. */
  const busOf = (process: Process): EventBusShape => {
    const arrive = (task: () => void): void => {
      const latency = sim.int(options.busLatency ?? 0)
      if (latency > 0 || process.paused()) process.later(latency, task)
      else if (process.alive()) task()
    }
    return {
      publish: bus.publish,
      subscribe: (listener) =>
        bus.subscribe({
          onEvent: (event) => arrive(() => listener.onEvent(event)),
          onGap: () => arrive(listener.onGap),
        }),
    }
  }

  return {
    sim,
    store,
    bus: faults,
    logs,
    logged,
    start: ({ ai = [], limits } = {}) => {
      const process = sim.process()
      const scope = Scope.makeUnsafe()
      const { log, leases } = store.from(process)
      const parts = sim.run(
        assemble({
          ai,
          limits: { ...options.limits, ...limits },
          ...(options.timing === undefined ? {} : { timing: options.timing }),
        }).pipe(
          Effect.provideService(ConversationLog, log),
          Effect.provideService(AnswerLeases, leases),
          Effect.provideService(Outbox, store.outbox),
          Effect.provideService(EventBus, busOf(process)),
          Effect.provideService(Authenticator, authenticator),
          Effect.provideService(Scope.Scope, scope),
          Effect.provide(capture),
        ),
        process,
      )
      return {
        ...parts,
        process,
        kill: process.kill,
        stop: () => {
          sim.run(Effect.provide(parts.drain, capture), process)
          sim.run(Scope.close(scope, Exit.void), process)
        },
      }
    },
  }
}
