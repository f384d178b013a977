/** An authorizer without Effect: an async function. */
import * as Effect from "effect/Effect"
import { type AuthorizationRequest, authorizerError, type AuthorizerShape, type Ruling } from "../ports/authorizer.ts"

/** What it rejects with, or returns besides a ruling, counts as unable to tell. */
export type PlainAuthorizer = (request: AuthorizationRequest) => Promise<Ruling>

const RULINGS: ReadonlySet<unknown> = new Set<Ruling>(["allow", "deny", "default"])

export const plainAuthorizer = (authorize: PlainAuthorizer): AuthorizerShape => ({
  authorize: (request) =>
    Effect.flatMap(
      Effect.tryPromise({
        try: async () => authorize(request),
        catch: (cause) => authorizerError(`the host's authorize failed: ${cause instanceof Error ? cause.name : "unknown"}`),
      }),
      (ruling) =>
        RULINGS.has(ruling)
          ? Effect.succeed(ruling)
          : Effect.fail(authorizerError("the host's authorize returned something that is no ruling")),
    ),
})
