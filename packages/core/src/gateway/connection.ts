/**
 * One client connection, whatever carries it. This module owns every outgoing byte: replies, live frames, pings, the close; and every bound:
 * requests in flight, bytes queued, time without a sign of life.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Semaphore from "effect/Semaphore"
import * as Cause from "effect/Cause"
import type { EngineError, Environment } from "../engine/environment.ts"
import type { Principal } from "../domain/principal.ts"
import type { AuthenticationError, AuthenticatorShape } from "../ports/authenticator.ts"
import type { CloseReason } from "../protocol/close-codes.ts"
import { decodeFrame } from "../protocol/decode.ts"
import { type ChatError, chatError, errorBody } from "../protocol/errors.ts"
import type { ServerFrame } from "../protocol/frames.ts"
import { type HeldAnswer, parseHeldAnswer } from "../protocol/held-answers.ts"
import { FEATURES, PROTOCOL_VERSION, type Request, type RequestOf } from "../protocol/requests.ts"
import { batchOf } from "./batch.ts"
import { type Dispatch, isConnectionBound, reportError } from "./dispatch.ts"
import type { Hub } from "./hub.ts"
import type { Sink } from "./sink.ts"
import { makeSubscription, type Outlet, type Subscription } from "./subscription.ts"

export interface Connection {
  readonly id: string
  /**
   * Subscribes without a request, for transports whose clients ask when they connect. There is no reply: frames of the conversation come,
   * or `unsubscribed`. Does nothing before authentication.
   */
  readonly follow: (
    conversationId: string,
    from: { readonly cursor?: string | undefined; readonly held: ReadonlyArray<HeldAnswer> },
  ) => void
  /** Of each subscription, where its client stands once it has taken all that was written; writes what is still to be written of this tick. */
  readonly cursors: () => ReadonlyMap<string, string | undefined>
  /** One inbound frame. */
  readonly receive: (text: string) => void
  /** A pong, or any other sign that the other side lives. */
  readonly alive: () => void
  readonly drained: () => void
  /** The transport has ended. */
  readonly closed: () => void
  /** Asks the client to move and closes after `delayMs`. */
  readonly leave: (retryAfterMs: number) => void
  readonly close: (reason: CloseReason) => void
  /** Once a second, from one timer for all connections. */
  readonly tick: (now: number) => void
}

export interface ConnectionEnvironment {
  readonly env: Environment
  readonly hub: Hub
  readonly dispatch: Dispatch
  readonly authenticator: AuthenticatorShape
  readonly now: () => number
  /** Runs a task that ends with the returned function, or with the gateway. */
  readonly fork: <E>(task: Effect.Effect<void, E>) => () => void
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

/** A request on its way to be run. */
interface Held {
  readonly isPage: boolean
  readonly run: () => void
}

/** Whether the reply may be as long as a page. */
const isPage = (request: Request): boolean => request.type === "get_history" || request.type === "list_conversations"

export const makeConnection = (world: ConnectionEnvironment, sink: Sink, known: Principal | undefined): Connection => {
  const { env, now } = world
  const { limits, timing } = env
  const id = env.system.randomId("con_")
  const subscriptions = new Map<string, Subscription>()
  const tasks = new Set<{ readonly stop: () => void }>()
  let principal: Principal | undefined
  let ended = false
  let inFlight = 0
  let paused = false
  let requests = 0
  /** What was read and may not run yet, in its order. */
  const backlog: Array<Held> = []
  /** Subscriptions asked for and not begun yet: the newest request of each conversation. */
  const opening = new Map<string, Request>()
  /** Frames of this tick, joined into one write at its end. */
  let pending: Array<string> = []
  let pendingLength = 0
  /** For pages that are being read: each may add as much to the queue. */
  let reserved = 0
  let waiting: Array<(effect: Effect.Effect<void>) => void> = []
  const opened = now()
  let lastSign = opened
  let lastRequest = opened
  let pinged = opened
  /** The last time that bytes went out, or none were waiting. */
  let progress = opened
  let flushed = 0

  const flush = (): void => {
    if (pending.length === 0) return
    const frames = pending
    pending = []
    pendingLength = 0
    if (!ended) sink.write(batchOf(frames))
  }
  const send = (frame: ServerFrame): void => {
    if (ended) return
    if (pending.length === 0) env.system.defer(flush)
    const text = JSON.stringify(frame)
    pending.push(text)
    pendingLength += text.length
  }
  /** Whether so much more may be queued. If not, the sink has bytes to take, and will say when it has, or a page is on its way. */
  const fits = (length: number, bound: number): boolean => {
    if (sink.queuedBytes() + pendingLength + reserved + length <= bound) return true
    // The network may take at once what is written now.
    flush()
    return sink.queuedBytes() + reserved + length <= bound
  }
  const fail = (requestId: string | undefined, error: ChatError): void =>
    send({ type: "error", ...(requestId === undefined ? {} : { id: requestId }), error: errorBody(error, correlationId()) })
  const correlationId = (): string => `${id}.${requests}`

  const fork: Outlet["fork"] = (task) => {
    // A task may end before `world.fork` returns, so its handle exists before it does.
    const handle = { stop: () => {} }
    tasks.add(handle)
    handle.stop = world.fork(
      Effect.ensuring(
        task,
        Effect.sync(() => tasks.delete(handle)),
      ),
    )
    return () => {
      tasks.delete(handle)
      handle.stop()
    }
  }

  const lowWater = limits.maxQueuedBytes / 4
  const turns = Semaphore.makeUnsafe(Math.max(1, Math.floor((limits.maxQueuedBytes - lowWater) / limits.pageBytes)))
  const whenWritable: Effect.Effect<void> = Effect.suspend(() => {
    flush()
    if (ended || sink.queuedBytes() <= lowWater) return Effect.void
    return Effect.flatMap(
      Effect.callback<void>((resume) => void waiting.push(resume)),
      () => whenWritable,
    )
  })
  /** Keeps room for a page while the task runs that will send it. */
  const withPage = <A, E>(task: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      reserved += limits.pageBytes
      return Effect.ensuring(
        task,
        Effect.sync(() => {
          reserved -= limits.pageBytes
          goOn()
        }),
      )
    })
  const outlet: Outlet = {
    send,
    write: (batch) => {
      if (ended) return
      // What was said earlier in this tick goes first: a page must not be overtaken by what follows it.
      flush()
      sink.write(batch)
    },
    hasRoom: (length, kind) => {
      // Pieces of answers are the first thing a slow reader loses.
      const bound = kind === "frame" ? limits.maxQueuedBytes : limits.maxQueuedBytes / 2
      // One frame alone may exceed the bound: it has to go out somehow.
      return fits(length, bound) || (kind !== "frames" && sink.queuedBytes() === 0)
    },
    inTurn: (task) => turns.withPermit(Effect.andThen(whenWritable, withPage(task))),
    fork,
    ended: (conversation) => void subscriptions.delete(conversation),
  }

  const close = (reason: CloseReason): void => {
    if (ended) return
    flush()
    sink.close(reason)
    closed()
  }
  const closed = (): void => {
    if (ended) return
    ended = true
    for (const subscription of subscriptions.values()) subscription.end()
    subscriptions.clear()
    opening.clear()
    backlog.length = 0
    for (const task of tasks) task.stop()
    const blocked = waiting
    waiting = []
    for (const resume of blocked) resume(Effect.void)
    world.onEnd(connection)
  }

  const welcome = (who: Principal): void => {
    principal = who
    const {
      maxMessageLength,
      maxAnswerLength,
      maxFrameBytes,
      maxHistoryPage,
      maxSubscriptions,
      maxInFlight,
      windowMessages,
      maxEmojis,
      maxMetadataBytes,
    } = limits
    send({
      type: "welcome",
      protocol: PROTOCOL_VERSION,
      features: FEATURES,
      userId: who.userId,
      limits: {
        maxMessageLength,
        maxAnswerLength,
        maxFrameBytes,
        maxHistoryPage,
        maxSubscriptions,
        maxInFlight,
        windowMessages,
        maxEmojis,
        maxMetadataBytes,
        heartbeatInterval: timing.heartbeatInterval,
        idleTimeout: timing.idleTimeout,
      },
    })
  }

  const begin = (): void => {
    inFlight += 1
    if (inFlight >= limits.maxInFlight && !paused) {
      paused = true
      sink.pause()
    }
  }
  const done = (): void => {
    inFlight -= 1
  }
  /** A client that does not take its replies gets no further ones. */
  const mayRun = ({ isPage }: Held): boolean => {
    if (inFlight >= limits.maxInFlight) return false
    return fits(isPage ? limits.pageBytes : 0, limits.maxQueuedBytes) || (reserved === 0 && sink.queuedBytes() === 0)
  }
  const goOn = (): void => {
    for (let next = backlog[0]; next !== undefined && mayRun(next); next = backlog[0]) {
      backlog.shift()
      next.run()
    }
    if (!paused || ended || backlog.length > 0 || inFlight > limits.maxInFlight / 2) return
    paused = false
    sink.resume()
  }
  const take = (held: Held): void => {
    if (backlog.length === 0 && mayRun(held)) return held.run()
    backlog.push(held)
    if (paused) return
    paused = true
    sink.pause()
  }

  const died = (request: Request, correlation: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
    Effect.andThen(
      Effect.logError("request died", { request: request.type, correlationId: correlation }, cause),
      Effect.sync(() => send({ type: "error", id: request.id, error: errorBody(chatError("internal"), correlation) })),
    )

  /** Runs a use case and answers it, exactly once. */
  const answer = (request: Request, task: Effect.Effect<object, EngineError>): void => {
    begin()
    const correlation = correlationId()
    const say = (exit: Exit.Exit<object, EngineError>): Effect.Effect<void> => {
      done()
      if (Exit.isSuccess(exit)) return Effect.sync(() => send({ type: "reply", id: request.id, ...exit.value }))
      const failure = exit.cause.reasons.find(Cause.isFailReason)
      if (failure === undefined) return died(request, correlation, exit.cause)
      return Effect.map(reportError(failure.error, correlation, request.type), (error) =>
        send({ type: "error", id: request.id, error }),
      )
    }
    const answered = Effect.flatMap(Effect.exit(task), say)
    world.fork(Effect.andThen(isPage(request) ? withPage(answered) : answered, Effect.sync(goOn)))
  }

  const authenticate = (request: RequestOf<"authenticate">): void => {
    begin()
    const correlation = correlationId()
    world.fork(
      Effect.matchCauseEffect(world.authenticator.authenticate(request.token), {
        onFailure: (cause) => {
          done()
          const error = cause.reasons.find(Cause.isFailReason)?.error
          if (error === undefined) return died(request, correlation, cause)
          return Effect.andThen(
            Effect.logInfo("a token was refused", { connection: id, reason: error.reason, detail: error.message }),
            Effect.sync(() => {
              fail(request.id, authenticationProblem(error))
              if (error.reason !== "unavailable") close(error.reason === "expired" ? "token_expired" : "unauthenticated")
            }),
          )
        },
        onSuccess: (who) =>
          Effect.sync(() => {
            done()
            // As it is now: another token may have been accepted while this one was checked.
            const before = principal
            // A refreshed token is for the same person: open subscriptions were granted to nobody else.
            if (before !== undefined && (before.userId !== who.userId || before.tenant !== who.tenant))
              return close("principal_changed")
            send({ type: "reply", id: request.id, userId: who.userId })
            if (before === undefined) welcome(who)
            else principal = who
          }),
      }).pipe(Effect.andThen(Effect.sync(goOn))),
    )
  }

  const subscribe = (who: Principal, request: RequestOf<"subscribe">): void => {
    const { conversationId } = request
    const followed = new Set([...subscriptions.keys(), ...opening.keys()])
    if (!followed.has(conversationId) && followed.size >= limits.maxSubscriptions)
      return fail(request.id, chatError("too_many_subscriptions", { max: limits.maxSubscriptions }))
    opening.set(conversationId, request)
    // Unless another request for it, or an unsubscribe, has come meanwhile: what was asked last holds.
    const isLatest = (): boolean => opening.get(conversationId) === request
    const refused = Effect.sync(() => isLatest() && opening.delete(conversationId))
    answer(
      request,
      Effect.map(
        Effect.onError(env.access.look(who, conversationId, "read", []), () => refused),
        ({ head }) => {
          const reply = { conversationId, epoch: head.epoch, head: head.change }
          if (!isLatest()) return reply
          // Subscribing again begins again: what a client does that saw a gap.
          subscriptions.get(conversationId)?.end()
          // The reply is said before the first page, whatever the page's read takes.
          env.system.defer(() => {
            if (!isLatest()) return
            opening.delete(conversationId)
            subscriptions.get(conversationId)?.end()
            subscriptions.set(
              conversationId,
              makeSubscription(env, world.hub, outlet, who, conversationId, {
                cursor: request.cursor,
                held: (request.answers ?? []).flatMap((text) => parseHeldAnswer(text) ?? []),
              }),
            )
          })
          return reply
        },
      ),
    )
  }

  const handle = (request: Request): void => {
    if (request.type === "ping") return send({ type: "pong", id: request.id })
    if (request.type === "authenticate") return authenticate(request)
    if (principal === undefined) return fail(request.id, chatError("unauthenticated"))
    if (principal.expiresAt !== undefined && now() > principal.expiresAt + timing.tokenLeeway)
      return fail(request.id, chatError("token_expired"))
    if (!isConnectionBound(request)) return answer(request, world.dispatch(principal, request))
    if (request.type === "subscribe") return subscribe(principal, request)
    opening.delete(request.conversationId)
    subscriptions.get(request.conversationId)?.end()
    subscriptions.delete(request.conversationId)
    send({ type: "reply", id: request.id, conversationId: request.conversationId })
  }

  const connection: Connection = {
    id,
    follow: (conversationId, from) => {
      if (ended || principal === undefined) return
      subscriptions.get(conversationId)?.end()
      subscriptions.set(conversationId, makeSubscription(env, world.hub, outlet, principal, conversationId, from))
    },
    cursors: () => {
      // A position moves with the frame that brings it, which may still be pending.
      flush()
      return new Map(Array.from(subscriptions, ([conversationId, subscription]) => [conversationId, subscription.cursor()]))
    },
    receive: (text) => {
      if (ended) return
      lastSign = lastRequest = now()
      requests += 1
      const decoded = decodeFrame(text)
      if (decoded.ok) take({ isPage: isPage(decoded.request), run: () => handle(decoded.request) })
      else take({ isPage: false, run: () => fail(decoded.id, decoded.error) })
    },
    alive: () => {
      lastSign = now()
    },
    drained: () => {
      if (ended) return
      const ready = waiting
      waiting = []
      for (const resume of ready) resume(Effect.void)
      for (const subscription of subscriptions.values()) subscription.drained()
      goOn()
    },
    closed,
    leave: (retryAfterMs) => {
      send({ type: "drain", retryAfterMs })
      flush()
    },
    close,
    tick: (at) => {
      if (ended) return
      if (principal === undefined) return at - opened >= timing.authenticateTimeout ? close("unauthenticated") : undefined
      if (principal.expiresAt !== undefined && at > principal.expiresAt + timing.tokenLeeway) return close("token_expired")
      const sent = sink.flushedBytes()
      if (sent !== flushed || sink.queuedBytes() === 0) progress = at
      flushed = sent
      if (at - progress >= timing.writeTimeout) return close("slow_consumer")
      // Somebody who listens is not idle.
      if (subscriptions.size === 0 && at - lastRequest >= timing.idleTimeout) return close("idle_timeout")
      if (at - lastSign >= timing.pongTimeout + timing.heartbeatInterval) return close("pong_timeout")
      if (at - pinged >= timing.heartbeatInterval) {
        pinged = at
        sink.ping()
      }
    },
  }
  if (known !== undefined) welcome(known)
  return connection
}
