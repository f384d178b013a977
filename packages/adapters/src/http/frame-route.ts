/** A REST route as the frame it stands for. */
import { randomBytes } from "node:crypto"
import type { IncomingMessage } from "node:http"
import * as Effect from "effect/Effect"
import { type Chat, chatError, type ChatError, decodeValue, type EngineError, pointer, type Principal } from "@parley/core"
import type { Answer } from "./answer.ts"
import { readJson } from "./body.ts"
import { unknownParameter } from "./door.ts"
import { runRequest } from "./run-request.ts"
import type { FrameRoute } from "./routes.ts"

const INTEGER = /^-?\d{1,16}$/

/** Fields named in the query; an integer that is none stays text, for the frame's schema to refuse. */
const queryFields = (route: FrameRoute, query: URLSearchParams): Record<string, unknown> | ChatError => {
  const fields: Record<string, unknown> = {}
  for (const [name, text] of query) {
    // A stranger's name: `constructor` must not find what every object has.
    const type = route.query !== undefined && Object.hasOwn(route.query, name) ? route.query[name] : undefined
    if (type === undefined) return unknownParameter(name)
    if (Object.hasOwn(fields, name)) return chatError("invalid_request", { path: `/query/${name}`, problem: "is given twice" })
    fields[name] = type === "integer" && INTEGER.test(text) ? Number(text) : text
  }
  return fields
}

const isRefusal = (value: Record<string, unknown> | ChatError): value is ChatError => value["_tag"] === "ChatError"

/** What the body may not say because the route says it, and the envelope, which HTTP is itself. */
const bodyProblem = (body: unknown, taken: Readonly<Record<string, unknown>>): ChatError | undefined => {
  if (body === undefined) return undefined
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return chatError("invalid_request", { path: "", problem: "a body is a JSON object" })
  for (const name of Object.keys(body))
    if (name === "type" || name === "id" || Object.hasOwn(taken, name))
      return chatError("invalid_request", { path: pointer("", name), problem: "is no field of this body" })
  return undefined
}

/** From the body, else from the header, else one of its own: a repeat of the same HTTP request is then another message. */
const clientMessageId = (request: IncomingMessage, body: object): string | ChatError => {
  const header = request.headers["idempotency-key"]
  const key = typeof header === "string" ? header : undefined
  if (!("clientMessageId" in body)) return key ?? randomBytes(16).toString("base64url")
  return key === undefined || key === body.clientMessageId
    ? (body.clientMessageId as string)
    : chatError("invalid_request", { path: "/clientMessageId", problem: "differs from the Idempotency-Key header" })
}

export const answerFrameRoute = (
  chat: Chat,
  principal: Principal,
  request: IncomingMessage,
  route: FrameRoute,
  parameters: Readonly<Record<string, string>>,
  query: URLSearchParams,
  correlationId: string,
): Effect.Effect<Answer, EngineError> =>
  Effect.gen(function* () {
    const fromQuery = queryFields(route, query)
    if (isRefusal(fromQuery)) return yield* Effect.fail(fromQuery)
    const taken = { ...parameters, ...route.sets }
    const body = route.method === "GET" ? undefined : yield* readJson(request, chat.limits.maxFrameBytes)
    const problem = bodyProblem(body, taken)
    if (problem !== undefined) return yield* Effect.fail(problem)
    const value: Record<string, unknown> = {
      ...(body as object | undefined),
      ...fromQuery,
      ...taken,
      type: route.type,
      id: correlationId,
    }
    if (route.idempotent === true) {
      const id = clientMessageId(request, value)
      if (typeof id !== "string" && isRefusal(id as never)) return yield* Effect.fail(id as ChatError)
      value["clientMessageId"] = id
    }
    const decoded = decodeValue(value)
    if (!decoded.ok) return yield* Effect.fail(inQuery(decoded.error, fromQuery))
    const reply = yield* Effect.mapError(runRequest(chat, principal, decoded.request), (error) =>
      error._tag === "ChatError" ? inQuery(error, fromQuery) : error,
    )
    const { only } = route
    return {
      status: route.status ?? 200,
      body: only === undefined ? reply : (reply as Readonly<Record<string, ReadonlyArray<unknown>>>)[only]?.[0],
    }
  })

/** A field that came with the query is named where its sender wrote it. */
const inQuery = (error: ChatError, fromQuery: Readonly<Record<string, unknown>>): ChatError => {
  const path = error.details?.["path"]
  return typeof path === "string" && Object.hasOwn(fromQuery, path.slice(1))
    ? { ...error, details: { ...error.details, path: `/query${path}` } }
    : error
}
