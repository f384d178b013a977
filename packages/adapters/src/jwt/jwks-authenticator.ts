/**
 * Tokens signed by an identity provider with a private key of its own, checked with the public keys of its key set. The algorithms are fixed where the issuer is
 * configured and are all asymmetric: a public key can never stand in for a secret. A `kid` only chooses among the keys of the set.
 *
 * The set of a URL is fetched at the first token, kept for ten minutes, and fetched again for a key it lacks, at most every 30 seconds. While it cannot be had, tokens
 * are `unavailable`, not refused.
 */
import type { JSONWebKeySet } from "jose"
import type { AuthenticatorShape } from "@parley/core"
import { checkExpected, type Expected, tokenAuthenticator, type Verifier } from "./verify-token.ts"

export const JWKS_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"] as const
export type JwksAlgorithm = (typeof JWKS_ALGORITHMS)[number]

export interface JwksOptions extends Expected {
  /** Where the key set is, by https (http on this machine only), or the set itself. */
  readonly keys: string | URL | JSONWebKeySet
  /** What the issuer signs with; RS256 and ES256 by default. */
  readonly algorithms?: ReadonlyArray<JwksAlgorithm>
}

const DEFAULT_ALGORITHMS: ReadonlyArray<JwksAlgorithm> = ["RS256", "ES256"]
const FETCH_TIMEOUT = 5_000
const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])

const urlOf = (text: string | URL): URL => {
  if (!URL.canParse(String(text))) throw new TypeError("The URL of the key set is none.")
  const url = new URL(text)
  if (url.protocol !== "https:" && !(url.protocol === "http:" && LOOPBACK.has(url.hostname)))
    throw new TypeError("The URL of the key set must be https: whoever alters the set on its way is everybody.")
  return url
}

/** A secret in the set would be a mistake of the operator's with every user at stake. */
const checkPublic = ({ keys }: JSONWebKeySet): void => {
  if (!Array.isArray(keys) || keys.length === 0) throw new TypeError("The key set has no keys.")
  for (const key of keys)
    if (key.kty === "oct" || "d" in key)
      throw new TypeError("The key set holds a secret or private key; it must hold public ones only.")
}

const load = async (keys: URL | JSONWebKeySet): Promise<Verifier> => {
  const { jwtVerify, createLocalJWKSet, createRemoteJWKSet } = await import("jose")
  return {
    jwtVerify,
    key: keys instanceof URL ? createRemoteJWKSet(keys, { timeoutDuration: FETCH_TIMEOUT }) : createLocalJWKSet(keys),
  }
}

/** @throws when the options cannot be used: an insecure URL, no keys or secret ones, an algorithm that is none of these. */
export const jwksAuthenticator = (options: JwksOptions): AuthenticatorShape => {
  const { algorithms = DEFAULT_ALGORITHMS } = options
  checkExpected(options)
  if (algorithms.length === 0 || !algorithms.every((each) => JWKS_ALGORITHMS.includes(each)))
    throw new TypeError(`The algorithms must be some of ${JWKS_ALGORITHMS.join(", ")}.`)
  const keys = typeof options.keys === "string" || options.keys instanceof URL ? urlOf(options.keys) : options.keys
  if (!(keys instanceof URL)) checkPublic(keys)
  return tokenAuthenticator(algorithms, options, () => load(keys))
}
