/**
 * The host's say in who may do what. The access table stays the ground: a host narrows it, or lends rights, for a principal and an action.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Principal } from "../domain/principal.ts"
import type { Action } from "../policy/access.ts"

export interface AuthorizationRequest {
  readonly principal: Principal
  readonly action: Action
  /** As the caller named it: it may not exist, and the principal may not be in it. */
  readonly conversation: string
}

/**
 * - `default`: the access table decides, as without an authorizer.
 * - `deny`: refused, whatever the table says. Who may not `read` learns that there is no such conversation; anything else is `forbidden` to a
 *   member, and to others there is no such conversation either.
 * - `allow`: a member may do what an owner who is not muted may do there. It makes nobody a member, and revives nothing that has ended.
 */
export type Ruling = "allow" | "deny" | "default"

/** Nobody could tell. The request is refused as `host_unavailable`: a retry may help. */
export interface AuthorizerError {
  readonly _tag: "AuthorizerError"
  /** For the log. */
  readonly message: string
}

export const authorizerError = (message: string): AuthorizerError => ({ _tag: "AuthorizerError", message })

/**
 * Contract:
 *
 * - Asked for every request that acts in a conversation, before the access table's verdict is final, and again when a commit has to be decided
 *   again. Creating a conversation, and answering an invitation, are not asked about.
 * - It answers within a second, or counts as unable to. It stands on the path of every send; caching is its own.
 * - It may be asked about anything by anybody, at the same time and in any order, and writes nothing.
 * - A ruling that changes is seen by the next request. What is open stays open: to end a subscription, take the membership away.
 */
export interface AuthorizerShape {
  readonly authorize: (request: AuthorizationRequest) => Effect.Effect<Ruling, AuthorizerError>
}

export class Authorizer extends Context.Service<Authorizer, AuthorizerShape>()("parley/Authorizer") {}
