/**
 * The door for embedders who work with promises. Effect users compose `Parley.layer` with Layers instead; both are the same engine.
 *
 * @example
 * const chat = await createChat({ storage: memory(), ai: [knowledgeAssistant()] })
 * const me = chat.as({ userId: "ann" })
 * const { id } = await me.createSession()
 * await me.send(id, "What is Parley?")
 * for await (const frame of me.subscribe(id)) console.log(frame)
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as References from "effect/References"
import type { Assembled } from "../engine/assemble.ts"
import type { EngineError } from "../engine/environment.ts"
import { noTokens, Parley } from "../engine/parley.ts"
import { DEFAULT_TENANT, type Principal } from "../domain/principal.ts"
import type { Gateway } from "../gateway/gateway.ts"
import type { Limits, Timing } from "../policy/limits.ts"
import type { AnswerLeases } from "../ports/answer-leases.ts"
import { authenticationError, Authenticator, type AuthenticatorShape } from "../ports/authenticator.ts"
import { Authorizer, type AuthorizerShape } from "../ports/authorizer.ts"
import type { OneTimeKeys } from "../ports/one-time-keys.ts"
import { UserDirectory } from "../ports/user-directory.ts"
import { BeforeAppend } from "../ports/before-append.ts"
import type { ConversationLog, Durability } from "../ports/conversation-log.ts"
import type { EventBus } from "../ports/event-bus.ts"
import type { Outbox, OutboxRow } from "../ports/outbox.ts"
import type { StorageError } from "../ports/storage-error.ts"
import { isCleanText } from "../protocol/text-rule.ts"
import { System, type SystemShape } from "../system.ts"
import { chatError } from "../protocol/errors.ts"
import { type FactsOptions, readFacts } from "./facts.ts"
import { ParleyError } from "./parley-error.ts"
import { type PlainAuthorizer, plainAuthorizer } from "./plain-authorizer.ts"
import { type PlainBeforeAppend, plainBeforeAppend } from "./plain-before-append.ts"
import { type PlainUserDirectory, plainUserDirectory } from "./plain-user-directory.ts"
import { type AnyAiProvider, type HostAbortSignal, plainProvider } from "./plain-provider.ts"
import { type PlainStorage, plainStorage } from "./plain-storage.ts"
import { makeUserChat, type UserChat } from "./user-chat.ts"

export type StorageLayer = Layer.Layer<ConversationLog | AnswerLeases | Outbox | EventBus, StorageError>

export interface LogEntry {
  readonly level: string
  readonly timestamp: string
  readonly message: unknown
  readonly cause: string | undefined
  readonly annotations: { readonly [key: string]: unknown }
}

export interface ChatOptions {
  /** Where everything is kept: `memory()` or `sqlite({ directory })` of `@parley/adapters`, or an object of async functions. */
  readonly storage: StorageLayer | PlainStorage
  /** Who answers in sessions, in the order they are tried: of `@parley/adapters`, or objects with a name and an async generator. Default: nobody. */
  readonly ai?: ReadonlyArray<AnyAiProvider>
  /** Turns a client's token into a user. Without it no token is accepted, and only `chat.as` speaks for users. */
  readonly authenticate?: AuthenticatorShape | ((token: string) => Promise<PrincipalInput | undefined>)
  /** The host's say in who may do what: "allow", "deny" or "default", for a principal, an action and a conversation. */
  readonly authorize?: PlainAuthorizer | AuthorizerShape
  /** Sees each message that a user sends or edits before it is stored, and returns it, changes it or refuses it: `{ reject: "why" }`. */
  readonly beforeAppend?: PlainBeforeAppend
  /** What tickets stand on; nodes of a cluster share one. Default: kept in this process. */
  readonly oneTimeKeys?: Layer.Layer<OneTimeKeys>
  /** Names and faces for pages: who these users are. Never stored. */
  readonly users?: PlainUserDirectory
  readonly limits?: Partial<Limits>
  readonly timing?: Partial<Timing>
  /** Gets every log entry at or above `logLevel`. Default: the console, from "Warn" on. Never holds a message's text or a token. */
  readonly log?: (entry: LogEntry) => void
  readonly logLevel?: "Trace" | "Debug" | "Info" | "Warn" | "Error"
}

export interface PrincipalInput {
  readonly userId: string
  /** Default: "default". */
  readonly tenant?: string
  readonly roles?: ReadonlyArray<string>
  readonly tokenId?: string
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt?: number
}

export interface Chat {
  /** Speaks for a user whom the caller has authenticated. */
  readonly as: (principal: PrincipalInput) => UserChat
  /**
   * What happened, of every tenant, for audit and webhooks: at least once, from a position that the caller keeps.
   *
   * @example
   * for await (const fact of chat.facts({ after: await loadPosition() })) {
   *   await deliver(fact)
   *   await savePosition(fact.position)
   * }
   */
  readonly facts: (options?: FactsOptions) => AsyncIterableIterator<OutboxRow>
  readonly durability: Durability
  readonly limits: Limits
  readonly timing: Timing
  /** For transports. */
  readonly gateway: Gateway
  /** Rejects when the store does not answer. */
  readonly check: () => Promise<void>
  /** Runs an effect of the core with this chat's log settings; rejects with a ParleyError. For transports. */
  readonly run: <A>(task: Effect.Effect<A, EngineError>, options?: { readonly signal?: AbortSignalLike }) => Promise<A>
  /** Lets clients move and answers end, within the timing's `drain`; `close` is still to be called. */
  readonly drain: () => Promise<void>
  /** Ends everything at once and lets go of the storage. The second call does nothing. */
  readonly close: () => Promise<void>
}

/** What is used of the host's AbortSignal. */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly addEventListener: (type: "abort", listener: () => void) => void
  readonly removeEventListener: (type: "abort", listener: () => void) => void
}

/** Opens the storage and starts the engine. Rejects with the StorageError when the storage cannot be opened. */
export const createChat = async (options: ChatOptions): Promise<Chat> => {
  const parley = Parley.layer({
    ai: (options.ai ?? []).map(plainProvider),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.timing === undefined ? {} : { timing: options.timing }),
  })
  const storage = "durability" in options.storage ? plainStorage(options.storage) : options.storage
  const runtime = ManagedRuntime.make(
    parley.pipe(
      Layer.provide(authenticatorOf(options.authenticate)),
      Layer.provide(seamsOf(options)),
      Layer.provide(storage),
      Layer.provideMerge(loggingOf(options)),
    ),
  )
  const parts = await runtime.runPromise(Effect.service(Parley))
  const system = await runtime.runPromise(Effect.service(System))
  return makeChat(parts, system, runtime.runPromiseExit, () => runtime.dispose())
}

/**
 * The same door on top of a `Parley` that an Effect program has built: what the transports take. It logs as that program does, and its `close`
 * does nothing, because the layer's scope is what ends it.
 */
export const chatOf: Effect.Effect<Chat, never, Parley> = Effect.gen(function* () {
  const parts = yield* Parley
  const system = yield* System
  const context = yield* Effect.context()
  return makeChat(parts, system, Effect.runPromiseExitWith(context), async () => {})
})

type RunExit = <A>(
  task: Effect.Effect<A, EngineError>,
  options?: { readonly signal?: HostAbortSignal },
) => Promise<Exit.Exit<A, EngineError>>

const makeChat = (parts: Assembled, system: SystemShape, runExit: RunExit, close: () => Promise<void>): Chat => {
  const { engine, gateway, outbox, durability, limits, timing, probe, drain } = parts
  const run: Chat["run"] = async (task, { signal } = {}) => {
    const exit = await runExit(task, signal === undefined ? undefined : { signal: signal as never })
    if (Exit.isSuccess(exit)) return exit.value
    const failure = exit.cause.reasons.find(Cause.isFailReason)
    if (failure !== undefined) throw ParleyError.from(failure.error)
    throw new ParleyError(chatError("internal"), { cause: Cause.squash(exit.cause) })
  }
  return {
    as: (input) => makeUserChat(principalOf(input), engine, gateway, system, run),
    facts: (options) => readFacts(outbox, run, options),
    durability,
    limits,
    timing,
    gateway,
    run,
    check: () => run(probe),
    drain: () => run(drain),
    close,
  }
}

/** Refused with a plain error: a user id that is none is the host's mistake, not a client's. */
const principalOf = (input: PrincipalInput): Principal => {
  if (input.userId.length < 1 || input.userId.length > 128 || !isCleanText(input.userId))
    throw new TypeError(`userId has ${input.userId.length} characters or forbidden ones; give it 1 to 128, without NUL`)
  return { ...input, tenant: input.tenant ?? DEFAULT_TENANT, roles: input.roles ?? [] }
}

const authenticatorOf = (authenticate: ChatOptions["authenticate"]): Layer.Layer<Authenticator> => {
  if (authenticate === undefined) return noTokens
  if (typeof authenticate !== "function") return Layer.succeed(Authenticator, authenticate)
  return Layer.succeed(Authenticator, {
    authenticate: (token) =>
      Effect.flatMap(
        Effect.tryPromise({
          try: () => authenticate(token),
          catch: (cause) =>
            authenticationError(
              "unavailable",
              `the host's authenticate failed: ${cause instanceof Error ? cause.name : "unknown"}`,
            ),
        }),
        (found) =>
          found === undefined
            ? Effect.fail(authenticationError("invalid", "the host's authenticate knows no such token"))
            : Effect.succeed(principalOf(found)),
      ),
  })
}

/** The seams that a host has taken; the others stay out of the engine's way altogether. */
const seamsOf = ({ authorize, beforeAppend, users, oneTimeKeys }: ChatOptions): Layer.Layer<never> =>
  Layer.mergeAll(
    oneTimeKeys === undefined ? Layer.empty : oneTimeKeys,
    authorize === undefined
      ? Layer.empty
      : Layer.succeed(Authorizer, typeof authorize === "function" ? plainAuthorizer(authorize) : authorize),
    users === undefined ? Layer.empty : Layer.succeed(UserDirectory, plainUserDirectory(users)),
    beforeAppend === undefined ? Layer.empty : Layer.succeed(BeforeAppend, plainBeforeAppend(beforeAppend)),
  )

const loggingOf = (options: ChatOptions): Layer.Layer<never> => {
  const level = Layer.succeed(References.MinimumLogLevel, options.logLevel ?? "Warn")
  const { log } = options
  return log === undefined ? level : Layer.merge(level, Logger.layer([Logger.map(Logger.formatStructured, log)]))
}
