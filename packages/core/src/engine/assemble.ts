/** Puts the whole core together over its ports: what the facade and Effect users both stand on. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { makeGateway, type Gateway } from "../gateway/gateway.ts"
import { makeHub } from "../gateway/hub.ts"
import { DEFAULT_LIMITS, DEFAULT_TIMING, type Limits, type Timing } from "../policy/limits.ts"
import type { AiProvider } from "../ports/ai-provider.ts"
import { AnswerLeases } from "../ports/answer-leases.ts"
import { Authenticator } from "../ports/authenticator.ts"
import { OneTimeKeys } from "../ports/one-time-keys.ts"
import { UserDirectory } from "../ports/user-directory.ts"
import { BeforeAppend } from "../ports/before-append.ts"
import { Authorizer } from "../ports/authorizer.ts"
import { ConversationLog, type Durability } from "../ports/conversation-log.ts"
import { EventBus } from "../ports/event-bus.ts"
import { Outbox, type OutboxShape } from "../ports/outbox.ts"
import type { StorageError } from "../ports/storage-error.ts"
import { System } from "../system.ts"
import { makeAccessCache } from "./access.ts"
import { authorizedAccess } from "./authorization.ts"
import { type AnswerRunner, makeAnswerRunner } from "./answers/answer-runner.ts"
import { type ChatEngine, makeChatEngine } from "./chat-engine.ts"
import type { Environment } from "./environment.ts"
import { sweepSessions } from "./session-sweeper.ts"

export interface AssembleOptions {
  /** In the order they are tried; without any, sessions get no answers. */
  readonly ai: ReadonlyArray<AiProvider>
  readonly limits?: Partial<Limits>
  readonly timing?: Partial<Timing>
}

export interface Assembled {
  readonly engine: ChatEngine
  readonly gateway: Gateway
  readonly runner: AnswerRunner | undefined
  /** For whatever follows a write; the engine itself reads nothing from it. */
  readonly outbox: OutboxShape
  readonly limits: Limits
  readonly timing: Timing
  readonly durability: Durability
  /** Whether the store answers: for readiness. */
  readonly probe: Effect.Effect<void, StorageError>
  /** Clients move, answers end or pass on; then the scope may close. */
  readonly drain: Effect.Effect<void>
}

/** Of the whole drain, how much passes until the last client was told to go. */
const MOVING_SHARE = 0.5

/** The author of answers: which provider wrote them stands on each answer. */
const ASSISTANT = "assistant"

export const assemble = (
  options: AssembleOptions,
): Effect.Effect<Assembled, never, Scope.Scope | ConversationLog | AnswerLeases | Outbox | EventBus | Authenticator> =>
  Effect.gen(function* () {
    const log = yield* ConversationLog
    const leases = yield* AnswerLeases
    const outbox = yield* Outbox
    const bus = yield* EventBus
    const authenticator = yield* Authenticator
    // What a host need not have a say in: services that may be absent, and then stand in no requirement.
    const authorizer = Option.getOrUndefined(yield* Effect.serviceOption(Authorizer))
    const beforeAppend = Option.getOrUndefined(yield* Effect.serviceOption(BeforeAppend))
    const directory = Option.getOrUndefined(yield* Effect.serviceOption(UserDirectory))
    const oneTimeKeys = Option.getOrUndefined(yield* Effect.serviceOption(OneTimeKeys))
    const system = yield* System
    const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits }
    const timing: Timing = { ...DEFAULT_TIMING, ...options.timing }
    const env: Environment = {
      log,
      bus,
      system,
      limits,
      timing,
      access: authorizer === undefined ? makeAccessCache(log) : authorizedAccess(makeAccessCache(log), authorizer),
      authorizer,
      beforeAppend,
      directory,
      oneTimeKeys,
      assistant: options.ai.length === 0 ? undefined : ASSISTANT,
    }
    const engine = makeChatEngine(env)
    const hub = yield* makeHub(env, leases)
    const gateway = yield* makeGateway(env, engine, hub, authenticator)
    const runner = options.ai.length === 0 ? undefined : yield* makeAnswerRunner({ ...env, leases, providers: options.ai })
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.catchCause(sweepSessions(env), (cause) => Effect.logError("idle sessions could not be ended", cause)),
          Effect.sleep(timing.sweepInterval),
        ),
      ),
    )
    return {
      engine,
      gateway,
      runner,
      outbox,
      limits,
      timing,
      durability: log.durability,
      probe: Effect.asVoid(log.heads([])),
      drain: Effect.asVoid(
        Effect.all([gateway.drain(timing.drain * MOVING_SHARE), ...(runner === undefined ? [] : [runner.drain(timing.drain)])], {
          concurrency: "unbounded",
        }),
      ),
    }
  })
