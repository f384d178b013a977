/** The one door of every transport: connections, single commands, and sync. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { ChatEngine } from "../engine/chat-engine.ts"
import { makeLocalKeys } from "../engine/local-keys.ts"
import type { Environment } from "../engine/environment.ts"
import type { Principal } from "../domain/principal.ts"
import type { AuthenticatorShape } from "../ports/authenticator.ts"
import { ClientConnection, type Connection, type ConnectionWorld } from "./connection.ts"
import { type Dispatch, makeDispatch } from "./dispatch.ts"
import type { Hub } from "./hub.ts"
import type { Outbound } from "./outbound.ts"
import type { Sink } from "./sink.ts"
import { makeSync, type Sync } from "./sync.ts"
import { makeTickets, type Tickets } from "./tickets.ts"
import { makeWelcome } from "./welcome.ts"

export interface Gateway {
  /** `undefined` when the process has as many connections as it may, or is draining. With a principal the connection is authenticated already. */
  readonly connect: (sink: Sink, principal?: Principal) => Connection | undefined
  readonly dispatch: Dispatch
  readonly sync: Sync
  readonly authenticator: AuthenticatorShape
  readonly tickets: Tickets
  readonly connections: () => number
  readonly draining: () => boolean
  /** Tells clients to move at times spread over `ms` at most, less when they are few, and closes them. */
  readonly drain: (ms: number) => Effect.Effect<void>
}

const TICK_MS = 1_000
/** What each connection adds to the time over which they are sent away: the rate at which the next server takes them. */
const DRAIN_MS_EACH = 10

export const makeGateway = (
  env: Environment,
  engine: ChatEngine,
  hub: Hub,
  authenticator: AuthenticatorShape,
): Effect.Effect<Gateway, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const run = yield* FiberSet.makeRuntime<never>()
    const connections = new Set<Connection>()
    const dispatch = makeDispatch(engine)
    let draining = false

    let unflushed: Array<Outbound> = []
    const flushAll = (): void => {
      const now = unflushed
      unflushed = []
      for (const outbound of now) outbound.flush()
    }

    const world: ConnectionWorld = {
      env,
      limits: env.limits,
      hub,
      dispatch,
      authenticator,
      now: () => clock.currentTimeMillisUnsafe(),
      fork: (task) => {
        const fiber = run(task)
        return () => fiber.interruptUnsafe()
      },
      run: Effect.runForkWith(yield* Effect.context<never>()),
      welcome: makeWelcome(env.limits, env.timing),
      flushLater: (outbound) => {
        // One task for all connections that have something to say in this tick.
        if (unflushed.length === 0) env.system.defer(flushAll)
        unflushed.push(outbound)
      },
      onEnd: (connection) => void connections.delete(connection),
    }

    run(
      Effect.forever(
        Effect.andThen(
          Effect.sleep(TICK_MS),
          Effect.sync(() => {
            const now = clock.currentTimeMillisUnsafe()
            for (const connection of connections) connection.tick(now)
          }),
        ),
      ),
    )
    // Transports learn of the end as clients do: by a close that says to connect elsewhere.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const connection of connections) connection.close("drain")
      }),
    )

    return {
      dispatch,
      authenticator,
      tickets: makeTickets(env.system, env.oneTimeKeys ?? makeLocalKeys()),
      sync: makeSync(env, hub),
      connections: () => connections.size,
      draining: () => draining,
      connect: (sink, principal) => {
        if (draining || connections.size >= env.limits.maxConnections) return undefined
        const connection = new ClientConnection(world, sink, principal)
        connections.add(connection)
        return connection
      },
      drain: (ms) =>
        Effect.gen(function* () {
          draining = true
          // Spread, so that the next server is not met by all of them at once.
          const spread = Math.min(ms, connections.size * DRAIN_MS_EACH)
          const leaving = Array.from(connections, (connection) => ({ connection, at: env.system.random() * spread }))
          for (const { connection, at } of leaving) connection.leave(Math.round(at))
          leaving.sort((a, b) => a.at - b.at)
          let waited = 0
          for (const { connection, at } of leaving) {
            if (at - waited >= 10) {
              yield* Effect.sleep(at - waited)
              waited = at
            }
            connection.close("drain")
          }
        }),
    }
  })
