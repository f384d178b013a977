/** Every HTTP route below the prefixes: what is asked, by whom, and the one answer to it. */
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Effect from "effect/Effect"
import {
  type Chat,
  type ChatError,
  chatError,
  type EngineError,
  errorBody,
  type Principal,
  type SyncInput,
  TICKET_TTL,
} from "@parley/core"
import { type Answer, commonHeaders, errorAnswer, sendAnswer } from "./answer.ts"
import { readJson } from "./body.ts"
import { corsHeaders, preflight } from "./cors.ts"
import { correlationIdOf, type DoorOptions, openDoor, type Target, tokenInQuery, unknownParameter } from "./door.ts"
import { type EventStream, type EventStreamGrant, openEventStream } from "./events-route.ts"
import { answerFrameRoute } from "./frame-route.ts"
import { identify, redeem, ticketOf, whenceOf } from "./identify.ts"
import { type Found, findRoute } from "./routes.ts"
import { report, runBatch } from "./run-request.ts"
import { isRefusal, parseEvents, parseMessages, parseSync } from "./sync-query.ts"
import { answerSync } from "./sync-route.ts"

export interface HttpHandler {
  /** Answers what lies below its prefixes and resolves with `true` when done; else with `false`, request and response untouched. Never rejects. */
  (request: IncomingMessage, response: ServerResponse): Promise<boolean>
  readonly owns: (request: IncomingMessage) => boolean
  /** Ends long-polls and event streams at once, and resolves when every request was answered. */
  readonly close: () => Promise<void>
}

/**
 * @example
 * createServer((request, response) => {
 *   void handler(request, response).then((taken) => taken || myOwnRoutes(request, response))
 * })
 */
export const httpHandler = (chat: Chat, options: DoorOptions = {}): HttpHandler => {
  const door = openDoor(options)
  const running = new Set<Promise<void>>()
  const polls = new Set<AbortController>()
  const streams = new Set<EventStream>()
  let closing = false

  const sync = (principal: Principal, request: IncomingMessage, input: SyncInput | ChatError, abort: AbortController) => {
    polls.add(abort)
    return Effect.ensuring(
      answerSync(chat, principal, request, input),
      Effect.sync(() => polls.delete(abort)),
    )
  }

  const answerTo = (
    request: IncomingMessage,
    found: Found,
    target: Target,
    correlationId: string,
    abort: AbortController,
  ): Effect.Effect<Answer | EventStreamGrant, EngineError> =>
    Effect.gen(function* () {
      if (found.type === "none") return yield* Effect.fail(chatError("route_not_found"))
      if (found.type === "method")
        return errorAnswer(errorBody(chatError("method_not_allowed"), correlationId), { Allow: found.allow.join(", ") })
      const urlToken = tokenInQuery(target.query)
      if (urlToken !== undefined) return yield* Effect.fail(urlToken)
      const { route, parameters } = found
      const ticket = route.kind === "events" ? ticketOf(target.query) : undefined
      const principal = yield* ticket === undefined ? identify(chat, door, request, correlationId) : redeem(chat, request, ticket)
      switch (route.kind) {
        case "frame":
          return yield* answerFrameRoute(chat, principal, request, route, parameters, target.query, correlationId)
        case "sync":
          return yield* sync(principal, request, parseSync(target.query, chat.limits.maxSyncConversations), abort)
        case "events": {
          // Node joins headers of one name, but for those it knows to come once.
          const lastEventId = request.headers["last-event-id"]
          target.query.delete("ticket")
          const followed = parseEvents(target.query, chat.limits.maxSyncConversations, lastEventId?.toString())
          if (isRefusal(followed)) return yield* Effect.fail(followed)
          return { principal, followed }
        }
        case "tickets": {
          for (const name of target.query.keys()) return yield* Effect.fail(unknownParameter(name))
          // A page that may not use this server gets nothing to use it with.
          if (!door.allows(request)) return yield* Effect.fail(chatError("origin_not_allowed"))
          const made = yield* chat.gateway.tickets.issue(principal, whenceOf(request))
          return { status: 201, body: { ticket: made, expiresIn: TICKET_TTL / 1_000 } }
        }
        case "messages":
          return yield* sync(principal, request, parseMessages(target.query), abort)
        case "commands": {
          for (const name of target.query.keys()) return yield* Effect.fail(unknownParameter(name))
          const batch = batchOf(yield* readJson(request, chat.limits.maxFrameBytes), chat.limits.maxBatch)
          if ("_tag" in batch) return yield* Effect.fail(batch)
          return { status: 200, body: { replies: yield* runBatch(chat, principal, batch, correlationId) } }
        }
      }
    })

  const respond = async (request: IncomingMessage, response: ServerResponse, target: Target): Promise<void> => {
    const correlationId = correlationIdOf()
    const abort = new AbortController()
    const headers = { ...commonHeaders(correlationId), ...corsHeaders(door, request) }
    // A client that has gone waits for nothing any more. After an answer there is nothing to end, and ending it would cost a stack trace.
    response.once("close", () => {
      if (!response.writableFinished) abort.abort()
    })
    const failed = (error: ChatError): Answer => errorAnswer(errorBody(error, correlationId))
    if (request.method === "OPTIONS")
      return sendAnswer(request, response, preflight(door, request) ?? failed(chatError("origin_not_allowed")), headers)
    if (running.size >= chat.limits.maxConnections) return sendAnswer(request, response, failed(chatError("overloaded")), headers)
    const found = findRoute(request.method ?? "", target.path)
    // For the log: the route's own words, not the stranger's.
    const what = found.type === "route" ? `${found.route.method} ${found.route.path}` : "no route"
    let answer = await chat
      .run(
        Effect.catchCause(answerTo(request, found, target, correlationId, abort), (cause) =>
          Effect.map(report(cause, what, correlationId), (error) => errorAnswer(error)),
        ),
        { signal: abort.signal },
      )
      // The client has gone, or this handler or the chat was closed.
      .catch(() => failed(chatError("draining")))
    if (!("status" in answer)) {
      if (response.destroyed) return
      const stream = closing ? undefined : openEventStream(chat, answer, response, headers)
      if (stream !== undefined) return whenEnded(stream)
      answer = failed(chatError(closing || chat.gateway.draining() ? "draining" : "overloaded"))
    }
    await sendAnswer(request, response, chat.gateway.draining() ? { ...answer, last: true } : answer, headers)
  }

  const whenEnded = async (stream: EventStream): Promise<void> => {
    streams.add(stream)
    await stream.ended
    streams.delete(stream)
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const target = door.target(request)
    if (target === undefined) return false
    // What a header may not hold is found when it is set, which is too late for an answer.
    const done = respond(request, response, target).catch(() => void response.destroy())
    running.add(done)
    await done
    running.delete(done)
    return true
  }

  return Object.assign(handle, {
    owns: (request: IncomingMessage) => door.target(request) !== undefined,
    close: async () => {
      closing = true
      for (const abort of polls) abort.abort()
      for (const stream of streams) stream.close()
      await Promise.all(running)
    },
  })
}

const batchOf = (body: unknown, max: number): ReadonlyArray<unknown> | ChatError => {
  if (!Array.isArray(body)) {
    return typeof body === "object" && body !== null
      ? [body]
      : chatError("invalid_request", { path: "", problem: "the body is one request frame or an array of them" })
  }
  return body.length >= 1 && body.length <= max
    ? body
    : chatError("invalid_request", { path: "", problem: `a batch has 1 to ${max} frames` })
}
