/** Who calls: by the Authorization header, by a cookie when there is one to look at, or where a browser cannot set one, by a ticket in the URL. */
import type { IncomingMessage } from "node:http"
import * as Effect from "effect/Effect"
import {
  authenticationError,
  authenticationProblem,
  type Chat,
  type ChatError,
  chatError,
  type Principal,
  type Whence,
} from "@parley/core"
import type { Door } from "./door.ts"

const BEARER = /^Bearer +(\S+) *$/i

/** The ticket in a URL, not yet spent. */
export const ticketOf = (query: URLSearchParams): string | undefined => query.get("ticket") ?? undefined

export const redeem = (chat: Chat, request: IncomingMessage, ticket: string): Effect.Effect<Principal, ChatError> =>
  chat.gateway.tickets.redeem(ticket, whenceOf(request))

export const whenceOf = ({ headers: { origin, host } }: IncomingMessage): Whence => ({ origin, host })

export const identify = (
  chat: Chat,
  door: Door,
  request: IncomingMessage,
  correlationId: string,
): Effect.Effect<Principal, ChatError> => {
  const { authorization } = request.headers
  const token = authorization === undefined ? door.cookieToken(request) : BEARER.exec(authorization)?.[1]
  if (token === undefined) return Effect.fail(chatError("unauthenticated"))
  if (typeof token !== "string") return Effect.fail(token)
  return chat.gateway.authenticator.authenticate(token).pipe(
    // Nobody else bounds this: the connection that would is not there yet.
    Effect.timeoutOrElse({
      duration: chat.timing.authenticateTimeout,
      orElse: () => Effect.fail(authenticationError("unavailable", "the authenticator took too long")),
    }),
    Effect.catch((error) =>
      Effect.andThen(
        Effect.logInfo("a token was refused", { correlationId, reason: error.reason, detail: error.message }),
        Effect.fail(authenticationProblem(error)),
      ),
    ),
  )
}
