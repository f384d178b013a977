/**
 * Tokens signed with a shared secret, HS256 and nothing else: one algorithm, one key, so that no header of a token can
 * choose either. Form, signature, times and claims are each checked; the Principal carries the token's identity
 * (`iss`+`jti`) and expiry, never the token.
 *
 * `jose` is loaded at the first token, so that whoever signs in otherwise need not install it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { authenticationError } from "@parley/core"
import type { AuthenticationError, AuthenticatorShape } from "@parley/core"
import { principalOf } from "./claims.ts"
import { readCompactToken } from "./compact-token.ts"
import { parseObject } from "./unique-json.ts"

export interface JwtOptions {
  /** At least 32 bytes in UTF-8, and random: whoever guesses it is everybody. */
  readonly secret: string
  /** The `iss` that every token must carry. Absent: any. */
  readonly issuer?: string
  /** A value that `aud` must be or contain. Absent: any, so a token made for another service under the same secret passes too. */
  readonly audience?: string
  /** Seconds by which clocks may differ, for `exp` and `nbf`; 0 by default. The gateway adds its own leeway on open connections. */
  readonly clockTolerance?: number
}

/** RFC 7518 §3.2: the key of HS256 is no shorter than its hash. */
const MIN_SECRET_BYTES = 32
const MAX_CLOCK_TOLERANCE = 3_600

const EXPIRED = authenticationError("expired", "the token has expired")
const invalid = (message: string) => authenticationError("invalid", message)

/** What is wrong with the options is the operator's to mend, so it is thrown where the options are given. */
const secretBytes = (options: JwtOptions): Uint8Array<ArrayBuffer> => {
  const { secret, issuer, audience, clockTolerance = 0 } = options
  if (typeof secret !== "string" || !secret.isWellFormed()) throw new TypeError("The JWT secret must be well-formed text.")
  const bytes = new TextEncoder().encode(secret)
  if (bytes.length < MIN_SECRET_BYTES)
    throw new RangeError(
      `The JWT secret has ${bytes.length} bytes and needs at least ${MIN_SECRET_BYTES}; make one with: openssl rand -base64 48`,
    )
  if (issuer === "") throw new TypeError("The JWT issuer is empty; leave it out to accept any.")
  if (audience === "") throw new TypeError("The JWT audience is empty; leave it out to accept any.")
  if (!(clockTolerance >= 0 && clockTolerance <= MAX_CLOCK_TOLERANCE))
    throw new RangeError(
      `The JWT clock tolerance is ${clockTolerance} and must lie between 0 and ${MAX_CLOCK_TOLERANCE} seconds.`,
    )
  return bytes
}

const loadVerifier = async (bytes: Uint8Array<ArrayBuffer>) => {
  const [{ jwtVerify }, key] = await Promise.all([
    import("jose"),
    crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]),
  ])
  return { jwtVerify, key }
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
  if (typeof code === "string" && /^ERR_J(OSE|WS|WT)_/.test(code)) return invalid("the token is malformed")
  return authenticationError("unavailable", "the token could not be verified")
}

/** @throws when the options cannot be used: a secret that is too short, an empty issuer or audience. */
export const jwtAuthenticator = (options: JwtOptions): AuthenticatorShape => {
  const bytes = secretBytes(options)
  const { issuer, audience, clockTolerance = 0 } = options
  let verifier: ReturnType<typeof loadVerifier> | undefined
  const loaded = Effect.tryPromise({
    try: () => (verifier ??= loadVerifier(bytes)),
    catch: () => {
      verifier = undefined
      return authenticationError("unavailable", "jose could not be loaded; install it beside @parley/adapters to verify tokens")
    },
  })

  const authenticate = Effect.fnUntraced(function* (token: string) {
    if (token === "") return yield* Effect.fail(authenticationError("missing", "there is no token"))
    const compact = readCompactToken(token)
    if (!compact.ok) return yield* Effect.fail(invalid(compact.problem))
    const { jwtVerify, key } = yield* loaded
    const now = yield* Clock.currentTimeMillis
    yield* Effect.tryPromise({
      try: () =>
        jwtVerify(token, key, {
          algorithms: ["HS256"],
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
