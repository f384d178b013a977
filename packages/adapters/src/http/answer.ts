/** Answers: a status, headers and a JSON body, and how they are sent. */
import { Buffer } from "node:buffer"
import type { IncomingMessage, ServerResponse } from "node:http"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { type ErrorBody, ERRORS } from "@parley/core"
import { hasBody } from "./body.ts"

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Absent: no body at all. */
  readonly body?: unknown
  /** The client is to send its next request over another connection. */
  readonly last?: boolean
}

export const errorAnswer = (error: ErrorBody, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status: ERRORS[error.code].status,
  body: { error },
  headers: {
    ...(error.retryAfter === undefined ? {} : { "Retry-After": String(Math.ceil(error.retryAfter)) }),
    ...(ERRORS[error.code].status === 401 ? { "WWW-Authenticate": "Bearer" } : {}),
    ...headers,
  },
})

/** Headers of every answer, those of a refused upgrade included. */
export const commonHeaders = (correlationId: string): Record<string, string> => ({
  "x-correlation-id": correlationId,
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-store",
})

/** Smaller bodies fit into one packet either way. */
const COMPRESS_FROM = 1_024
const compress = promisify(gzip)

/** Whether `gzip` is among the codings the client takes, at a quality above zero. */
const takesGzip = (header: string | undefined): boolean => {
  let any = false
  for (const entry of (header ?? "").split(",")) {
    const [coding, ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase())
    const taken = !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
    if (coding === "gzip") return taken
    if (coding === "*") any = taken
  }
  return any
}

/** Ends the response. Never rejects; a client that has gone is no error. */
export const sendAnswer = async (
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  headers: Readonly<Record<string, string>>,
): Promise<void> => {
  if (response.headersSent || response.destroyed) return
  for (const [name, value] of Object.entries({ ...headers, ...answer.headers })) response.setHeader(name, value)
  // What is left of a body is not read, so no request can follow it.
  if (answer.last === true || (hasBody(request) && !request.complete)) response.setHeader("Connection", "close")
  response.statusCode = answer.status
  if (answer.body === undefined) return void response.end()
  const text = Buffer.from(JSON.stringify(answer.body))
  const zipped = text.length > COMPRESS_FROM && takesGzip(request.headers["accept-encoding"])
  const body = zipped ? await compress(text) : text
  response.setHeader("Content-Type", "application/json; charset=utf-8")
  if (zipped) response.setHeader("Content-Encoding", "gzip")
  response.setHeader("Content-Length", body.length)
  response.end(body)
}
