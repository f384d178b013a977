/**
 * A signed token checked from its form to its claims, with whatever keys and algorithms are given: each step by itself, none left to a library's defaults.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { jwtVerify, JWTVerifyGetKey } from "jose"
import { authenticationError } from "@parley/core"
import type { AuthenticationError, AuthenticatorShape } from "@parley/core"
import { principalOf } from "./claims.ts"
import { readCompactToken } from "./compact-token.ts"
import { parseObject } from "./unique-json.ts"

export interface Expected {
  /** The `iss` that every token must carry. Absent: any. */
  readonly issuer?: string
  /** A value that `aud` must be or contain. Absent: any, so a token made for another service under the same keys passes too. */
  readonly audience?: string
  /** Seconds by which clocks may differ, for `exp` and `nbf`; 0 by default. The gateway adds its own leeway on open connections. */
  readonly clockTolerance?: number
}

export interface Verifier {
  readonly jwtVerify: typeof jwtVerify
  readonly key: Awaited<ReturnType<typeof crypto.subtle.importKey>> | JWTVerifyGetKey
}

const MAX_CLOCK_TOLERANCE = 3_600

const EXPIRED = authenticationError("expired", "the token has expired")
const invalid = (message: string) => authenticationError("invalid", message)

/** What is wrong with the options is the operator's to mend, so it is thrown where the options are given. */
export const checkExpected = ({ issuer, audience, clockTolerance = 0 }: Expected): void => {
  if (issuer === "") throw new TypeError("The JWT issuer is empty; leave it out to accept any.")
  if (audience === "") throw new TypeError("The JWT audience is empty; leave it out to accept any.")
  if (!(clockTolerance >= 0 && clockTolerance <= MAX_CLOCK_TOLERANCE))
    throw new RangeError(
      `The JWT clock tolerance is ${clockTolerance} and must lie between 0 and ${MAX_CLOCK_TOLERANCE} seconds.`,
    )
}

/** Fixed sentences: an error of the library may quote what it read. Its codes are part of its documented interface. */
const refusalOf = (cause: unknown): AuthenticationError => {
  const { code, claim } = (cause ?? {}) as { readonly code?: unknown; readonly claim?: unknown }
  if (code === "ERR_JWT_EXPIRED") return EXPIRED
  if (code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED") return invalid("the signature does not match")
  if (claim === "iss") return invalid("the token is from another issuer")
  if (claim === "aud") return invalid("the token is for another audience")
  if (claim === "nbf") return invalid("the token is not valid yet")
  if (claim === "exp") return invalid("the exp claim is missing or no time")
  if (code === "ERR_JWKS_NO_MATCHING_KEY") return invalid("no key of the set fits the token")
  if (code === "ERR_JWKS_MULTIPLE_MATCHING_KEYS") return invalid("the token does not say which key of the set it is signed with")
  // The library's own word for a key set that could not be had.
  if (code === "ERR_JOSE_GENERIC") return authenticationError("unavailable", "the key set could not be read")
  if (typeof code === "string" && /^ERR_J(OSE|WS|WT)_/.test(code)) return invalid("the token is malformed")
  return authenticationError("unavailable", "the token could not be verified")
}

/** `load` is called at the first token, and again until it succeeds. */
export const tokenAuthenticator = (
  algorithms: ReadonlyArray<string>,
  { issuer, audience, clockTolerance = 0 }: Expected,
  load: () => Promise<Verifier>,
): AuthenticatorShape => {
  let verifier: Promise<Verifier> | undefined
  const loaded = Effect.tryPromise({
    try: () => (verifier ??= load()),
    catch: () => {
      verifier = undefined
      return authenticationError("unavailable", "jose could not be loaded; install it beside @parley/adapters to verify tokens")
    },
  })

  const authenticate = Effect.fnUntraced(function* (token: string) {
    if (token === "") return yield* Effect.fail(authenticationError("missing", "there is no token"))
    const compact = readCompactToken(token, algorithms)
    if (!compact.ok) return yield* Effect.fail(invalid(compact.problem))
    const { jwtVerify, key } = yield* loaded
    const now = yield* Clock.currentTimeMillis
    yield* Effect.tryPromise({
      try: () =>
        // One signature for two kinds of key, which the library tells apart itself.
        jwtVerify(token, key as JWTVerifyGetKey, {
          algorithms: [...algorithms],
          clockTolerance,
          currentDate: new Date(now),
          ...(issuer === undefined ? {} : { issuer }),
          ...(audience === undefined ? {} : { audience }),
        }),
      catch: refusalOf,
    })
    const claims = parseObject(compact.payload)
    if (claims === undefined) return yield* Effect.fail(invalid("the payload is no JSON object with distinct names"))
    const read = principalOf(claims)
    if (!read.ok) return yield* Effect.fail(invalid(read.problem))
    // The library compares whole seconds; the Principal's expiry is exact, and nobody gets one that has passed.
    if (now >= read.principal.expiresAt + clockTolerance * 1_000) return yield* Effect.fail(EXPIRED)
    return read.principal
  })
  return { authenticate }
}
