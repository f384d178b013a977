/**
 * One client connection, whatever carries it: who it is, what it asked and has not been told yet, what it follows, whether it lives. Every
 * outgoing byte goes through its `Outbound`. A class, because there are as many of these as clients: one that rests costs its fields.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { EngineError, Environment } from "../engine/environment.ts"
import type { Principal } from "../domain/principal.ts"
import type { AuthenticationError, AuthenticatorShape } from "../ports/authenticator.ts"
import type { CloseReason } from "../protocol/close-codes.ts"
import { decodeFrame } from "../protocol/decode.ts"
import { type ChatError, chatError, errorBody } from "../protocol/errors.ts"
import { parseHeldAnswer } from "../protocol/held-answers.ts"
import type { Request, RequestOf } from "../protocol/requests.ts"
import { type Dispatch, isConnectionBound, reportError } from "./dispatch.ts"
import type { Hub } from "./hub.ts"
import { isExpired, judgeLiveness, type Signs } from "./liveness.ts"
import { Outbound, type OutboundWorld } from "./outbound.ts"
import type { Sink } from "./sink.ts"
import { Subscription, type SubscriptionOwner, type SubscriptionStart } from "./subscription.ts"

export interface Connection {
  readonly id: string
  /**
   * Subscribes without a request, for transports whose clients ask when they connect. There is no reply: frames of the conversation come,
   * or `unsubscribed`. Does nothing before authentication.
   */
  readonly follow: (conversationId: string, from: SubscriptionStart) => void
  /** Of each subscription, where its client stands once it has taken all that was written; writes what is still to be written of this tick. */
  readonly cursors: () => ReadonlyMap<string, string | undefined>
  /** One inbound frame. */
  readonly receive: (text: string) => void
  /** A pong, or any other sign that the other side lives. */
  readonly alive: () => void
  readonly drained: () => void
  /** The transport has ended. */
  readonly closed: () => void
  /** Asks the client to move within so many milliseconds. */
  readonly leave: (retryAfterMs: number) => void
  readonly close: (reason: CloseReason) => void
  /** Once a second, from one timer for all connections. */
  readonly tick: (now: number) => void
}

/** What the connections of a gateway share. */
export interface ConnectionWorld extends OutboundWorld {
  readonly env: Environment
  readonly hub: Hub
  readonly dispatch: Dispatch
  readonly authenticator: AuthenticatorShape
  readonly now: () => number
  readonly welcome: (userId: string) => string
  /** Runs a task that ends with the returned function, or with the gateway. */
  readonly fork: <E>(task: Effect.Effect<void, E>) => () => void
  readonly run: <A, E>(task: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly onEnd: (connection: Connection) => void
}

export const authenticationProblem = (error: AuthenticationError): ChatError =>
  chatError(
    error.reason === "expired"
      ? "token_expired"
      : error.reason === "unavailable"
        ? "authentication_unavailable"
        : "unauthenticated",
  )

/** A request that was read and may not run yet. */
interface Held {
  readonly isPage: boolean
  readonly run: () => void
}

/** Whether the reply may be as long as a page. */
const isPage = (request: Request): boolean => request.type === "get_history" || request.type === "list_conversations"

export class ClientConnection implements Connection, SubscriptionOwner, Signs {
  readonly id: string
  readonly outbound: Outbound
  readonly opened: number
  lastSign: number
  lastRequest: number
  lastPing: number
  lastProgress: number
  private readonly world: ConnectionWorld
  private principal: Principal | undefined
  private ended = false
  private inFlight = 0
  private paused = false
  private requests = 0
  private flushed = 0
  private readonly subscriptions = new Map<string, Subscription>()
  /** In the order of reading. */
  private backlog: Array<Held> | undefined
  /** Subscriptions asked for and not begun yet: the newest request of each conversation. */
  private opening: Map<string, Request> | undefined

  constructor(world: ConnectionWorld, sink: Sink, known: Principal | undefined) {
    this.world = world
    this.id = world.env.system.randomId("con_")
    this.outbound = new Outbound(world, sink, () => this.goOn())
    this.opened = this.lastSign = this.lastRequest = this.lastPing = this.lastProgress = world.now()
    if (known !== undefined) this.welcome(known)
  }

  get env(): Environment {
    return this.world.env
  }

  get hub(): Hub {
    return this.world.hub
  }

  get fork(): ConnectionWorld["fork"] {
    return this.world.fork
  }

  get authenticated(): boolean {
    return this.principal !== undefined
  }

  get expiresAt(): number | undefined {
    return this.principal?.expiresAt
  }

  get subscribed(): boolean {
    return this.subscriptions.size > 0
  }

  follow(conversationId: string, from: SubscriptionStart): void {
    if (this.ended || this.principal === undefined) return
    this.subscriptions.get(conversationId)?.end()
    this.subscriptions.set(conversationId, new Subscription(this, this.principal, conversationId, from))
  }

  cursors(): ReadonlyMap<string, string | undefined> {
    // A position moves with the frame that brings it, which may still be pending.
    this.outbound.flush()
    return new Map(Array.from(this.subscriptions, ([id, subscription]) => [id, subscription.cursor()]))
  }

  receive(text: string): void {
    if (this.ended) return
    this.lastSign = this.lastRequest = this.world.now()
    this.requests += 1
    const decoded = decodeFrame(text)
    const page = decoded.ok && isPage(decoded.request)
    const run = (): void => (decoded.ok ? this.handle(decoded.request) : this.fail(decoded.id, decoded.error))
    if (this.backlog === undefined && this.mayRun(page)) return run()
    this.backlog ??= []
    this.backlog.push({ isPage: page, run })
    this.pause()
  }

  alive(): void {
    this.lastSign = this.world.now()
  }

  drained(): void {
    if (this.ended) return
    this.outbound.drained()
    for (const subscription of this.subscriptions.values()) subscription.drained()
    this.goOn()
  }

  closed(): void {
    if (this.ended) return
    this.ended = true
    for (const subscription of this.subscriptions.values()) subscription.end()
    this.subscriptions.clear()
    this.opening = undefined
    this.backlog = undefined
    this.outbound.end()
    this.world.onEnd(this)
  }

  leave(retryAfterMs: number): void {
    this.outbound.send({ type: "drain", retryAfterMs })
    this.outbound.flush()
  }

  close(reason: CloseReason): void {
    if (this.ended) return
    this.outbound.flush()
    this.outbound.sink.close(reason)
    this.closed()
  }

  tick(now: number): void {
    if (this.ended) return
    const { sink } = this.outbound
    const flushed = sink.flushedBytes()
    if (flushed !== this.flushed || sink.queuedBytes() === 0) this.lastProgress = now
    this.flushed = flushed
    const verdict = judgeLiveness(this, now, this.env.timing)
    if (verdict === "fine") return
    if (verdict !== "ping") return this.close(verdict)
    this.lastPing = now
    sink.ping()
  }

  subscriptionEnded(subscription: Subscription): void {
    if (this.subscriptions.get(subscription.conversationId) === subscription)
      this.subscriptions.delete(subscription.conversationId)
  }

  private welcome(principal: Principal): void {
    this.principal = principal
    this.outbound.say(this.world.welcome(principal.userId))
  }

  private correlationId(): string {
    return `${this.id}.${this.requests}`
  }

  private fail(requestId: string | undefined, error: ChatError, correlationId: string = this.correlationId()): void {
    this.outbound.send({
      type: "error",
      ...(requestId === undefined ? {} : { id: requestId }),
      error: errorBody(error, correlationId),
    })
  }

  private pause(): void {
    if (this.paused) return
    this.paused = true
    this.outbound.sink.pause()
  }

  /** A client that does not take its replies gets no further ones. */
  private mayRun(page: boolean): boolean {
    const { maxInFlight, pageBytes } = this.env.limits
    return this.inFlight < maxInFlight && this.outbound.fits(page ? pageBytes : 0)
  }

  private goOn(): void {
    for (let next = this.backlog?.[0]; next !== undefined && this.mayRun(next.isPage); next = this.backlog?.[0]) {
      this.backlog?.shift()
      next.run()
    }
    if (this.backlog?.length === 0) this.backlog = undefined
    if (!this.paused || this.ended || this.backlog !== undefined || this.inFlight > this.env.limits.maxInFlight / 2) return
    this.paused = false
    this.outbound.sink.resume()
  }

  private begun(): void {
    this.inFlight += 1
    if (this.inFlight >= this.env.limits.maxInFlight) this.pause()
  }

  private handle(request: Request): void {
    if (request.type === "ping") return this.outbound.send({ type: "pong", id: request.id })
    if (request.type === "authenticate") return this.authenticate(request)
    const { principal } = this
    if (principal === undefined) return this.fail(request.id, chatError("unauthenticated"))
    if (isExpired(principal.expiresAt, this.world.now(), this.env.timing))
      return this.fail(request.id, chatError("token_expired"))
    if (!isConnectionBound(request)) return this.answer(request, this.world.dispatch(principal, request))
    if (request.type === "subscribe") return this.subscribe(principal, request)
    this.opening?.delete(request.conversationId)
    this.subscriptions.get(request.conversationId)?.end()
    this.subscriptions.delete(request.conversationId)
    this.outbound.send({ type: "reply", id: request.id, conversationId: request.conversationId })
  }

  /** Runs a use case and answers it, exactly once. */
  private answer(request: Request, task: Effect.Effect<object, EngineError>): void {
    this.begun()
    const correlationId = this.correlationId()
    const fiber = this.world.run(isPage(request) ? this.outbound.withPage(task) : task)
    fiber.addObserver((exit) => {
      this.inFlight -= 1
      if (Exit.isSuccess(exit)) this.outbound.send({ type: "reply", id: request.id, ...exit.value })
      else this.refuse(request, correlationId, exit.cause)
      this.goOn()
    })
  }

  private refuse(request: Request, correlationId: string, cause: Cause.Cause<EngineError>): void {
    const failure = cause.reasons.find(Cause.isFailReason)
    if (failure === undefined) return this.died(request, correlationId, cause)
    this.world.fork(
      Effect.map(reportError(failure.error, correlationId, request.type), (error) =>
        this.outbound.send({ type: "error", id: request.id, error }),
      ),
    )
  }

  private died(request: Request, correlationId: string, cause: Cause.Cause<unknown>): void {
    this.world.fork(Effect.logError("request died", { request: request.type, correlationId }, cause))
    this.fail(request.id, chatError("internal"), correlationId)
  }

  private authenticate(request: RequestOf<"authenticate">): void {
    this.begun()
    const correlationId = this.correlationId()
    const fiber = this.world.run(this.world.authenticator.authenticate(request.token))
    fiber.addObserver((exit) => {
      this.inFlight -= 1
      const error = Exit.isSuccess(exit) ? undefined : exit.cause.reasons.find(Cause.isFailReason)?.error
      if (Exit.isSuccess(exit)) this.accept(request, exit.value)
      else if (error === undefined) this.died(request, correlationId, exit.cause)
      else {
        const detail = { connection: this.id, reason: error.reason, detail: error.message }
        this.world.fork(Effect.logInfo("a token was refused", detail))
        this.fail(request.id, authenticationProblem(error), correlationId)
        if (error.reason !== "unavailable") this.close(error.reason === "expired" ? "token_expired" : "unauthenticated")
      }
      this.goOn()
    })
  }

  private accept(request: RequestOf<"authenticate">, principal: Principal): void {
    // As it is now: another token may have been accepted while this one was checked.
    const before = this.principal
    // A refreshed token is for the same person: open subscriptions were granted to nobody else.
    if (before !== undefined && (before.userId !== principal.userId || before.tenant !== principal.tenant))
      return this.close("principal_changed")
    this.outbound.send({ type: "reply", id: request.id, userId: principal.userId })
    if (before === undefined) this.welcome(principal)
    else this.principal = principal
  }

  private subscribe(principal: Principal, request: RequestOf<"subscribe">): void {
    const { conversationId } = request
    const max = this.env.limits.maxSubscriptions
    this.opening ??= new Map()
    const { opening } = this
    const followed = new Set([...this.subscriptions.keys(), ...opening.keys()])
    if (!followed.has(conversationId) && followed.size >= max)
      return this.fail(request.id, chatError("too_many_subscriptions", { max }))
    opening.set(conversationId, request)
    // Unless another request for it, or an unsubscribe, has come meanwhile: what was asked last holds.
    const isLatest = (): boolean => !this.ended && opening.get(conversationId) === request
    const settle = (): void => {
      opening.delete(conversationId)
      if (opening.size === 0 && this.opening === opening) this.opening = undefined
    }
    const look = Effect.onError(this.env.access.look(principal, conversationId, "read", []), () =>
      Effect.sync(() => {
        if (isLatest()) settle()
      }),
    )
    const granted = Effect.map(look, ({ head }) => {
      const reply = { conversationId, epoch: head.epoch, head: head.change }
      if (!isLatest()) return reply
      // Subscribing again begins again: what a client does that saw a gap.
      this.subscriptions.get(conversationId)?.end()
      // The reply is said before the first page, whatever the page's read takes.
      this.env.system.defer(() => {
        if (!isLatest()) return
        settle()
        const held = (request.answers ?? []).flatMap((text) => parseHeldAnswer(text) ?? [])
        this.follow(conversationId, { cursor: request.cursor, held })
      })
      return reply
    })
    this.answer(request, granted)
  }
}
