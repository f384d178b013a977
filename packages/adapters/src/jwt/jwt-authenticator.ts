/**
 * Tokens signed with a shared secret, HS256 and nothing else: one algorithm, one key, so that no header of a token can
 * choose either. Form, signature, times and claims are each checked; the Principal carries the token's identity
 * (`iss`+`jti`) and expiry, never the token.
 *
 * `jose` is loaded at the first token, so that whoever signs in otherwise need not install it.
 */
import type { AuthenticatorShape } from "@parley/core"
import { checkExpected, type Expected, tokenAuthenticator, type Verifier } from "./verify-token.ts"

export interface JwtOptions extends Expected {
  /** At least 32 bytes in UTF-8, and random: whoever guesses it is everybody. */
  readonly secret: string
}

/** RFC 7518 §3.2: the key of HS256 is no shorter than its hash. */
const MIN_SECRET_BYTES = 32

const secretBytes = (secret: string): Uint8Array<ArrayBuffer> => {
  if (typeof secret !== "string" || !secret.isWellFormed()) throw new TypeError("The JWT secret must be well-formed text.")
  const bytes = new TextEncoder().encode(secret)
  if (bytes.length < MIN_SECRET_BYTES)
    throw new RangeError(
      `The JWT secret has ${bytes.length} bytes and needs at least ${MIN_SECRET_BYTES}; make one with: openssl rand -base64 48`,
    )
  return bytes
}

const loadVerifier = async (bytes: Uint8Array<ArrayBuffer>): Promise<Verifier> => {
  const [{ jwtVerify }, key] = await Promise.all([
    import("jose"),
    crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]),
  ])
  return { jwtVerify, key }
}

/** @throws when the options cannot be used: a secret that is too short, an empty issuer or audience. */
export const jwtAuthenticator = (options: JwtOptions): AuthenticatorShape => {
  const bytes = secretBytes(options.secret)
  checkExpected(options)
  return tokenAuthenticator(["HS256"], options, () => loadVerifier(bytes))
}
