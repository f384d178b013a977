/**
 * Turns a credential into a Principal.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Principal } from "../domain/principal.ts"

/** Why a credential was refused. `unavailable` means that nobody could tell (a key server is down): a retry may help. */
export interface AuthenticationError {
  readonly _tag: "AuthenticationError"
  readonly reason: "missing" | "invalid" | "expired" | "unavailable"
  /** For the log; never the credential itself. */
  readonly message: string
}

export const authenticationError = (reason: AuthenticationError["reason"], message: string): AuthenticationError => ({
  _tag: "AuthenticationError",
  reason,
  message,
})

/**
 * Contract: the same token gives the same tenant and user; the principal carries the token's expiry and identity (`iss`+`jti`), never
 * the token; a token is refused unless everything about it was verified. Untrusted text of any length may arrive.
 */
export interface AuthenticatorShape {
  readonly authenticate: (token: string) => Effect.Effect<Principal, AuthenticationError>
}

export class Authenticator extends Context.Service<Authenticator, AuthenticatorShape>()("parley/Authenticator") {}
