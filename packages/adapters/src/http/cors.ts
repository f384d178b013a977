/** What a browser is told about calls from pages of other origins (https://fetch.spec.whatwg.org/#http-cors-protocol). */
import type { IncomingMessage } from "node:http"
import type { Answer } from "./answer.ts"
import type { Door } from "./door.ts"

const METHODS = "GET, POST, PUT, PATCH, DELETE"
const REQUEST_HEADERS = "authorization, content-type, idempotency-key, if-none-match, last-event-id"
const EXPOSED_HEADERS = "ETag, x-correlation-id, Retry-After"
/** Seconds. */
const MAX_AGE = "600"

/** Without cookies no credentials mode: a token travels in a header that no browser adds by itself. */
export const corsHeaders = (door: Door, request: IncomingMessage): Record<string, string> => {
  const { origin } = request.headers
  return {
    Vary: "Origin, Accept-Encoding",
    ...(origin === undefined || !door.allows(request)
      ? {}
      : {
          "Access-Control-Allow-Origin": origin,
          "Access-Control-Expose-Headers": EXPOSED_HEADERS,
          ...(door.takesCookies(request) ? { "Access-Control-Allow-Credentials": "true" } : {}),
        }),
  }
}

/** `undefined` when the origin is not allowed. */
export const preflight = (door: Door, request: IncomingMessage): Answer | undefined =>
  door.allows(request)
    ? {
        status: 204,
        headers: {
          "Access-Control-Allow-Methods": METHODS,
          "Access-Control-Allow-Headers": REQUEST_HEADERS,
          "Access-Control-Max-Age": MAX_AGE,
        },
      }
    : undefined
