/** Who calls, by the Authorization header alone. */
import type { IncomingMessage } from "node:http"
import * as Effect from "effect/Effect"
import { authenticationError, authenticationProblem, type Chat, type ChatError, chatError, type Principal } from "@parley/core"

const BEARER = /^Bearer +(\S+) *$/i

export const identify = (chat: Chat, request: IncomingMessage, correlationId: string): Effect.Effect<Principal, ChatError> => {
  const { authorization } = request.headers
  const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
  if (token === undefined) return Effect.fail(chatError("unauthenticated"))
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
