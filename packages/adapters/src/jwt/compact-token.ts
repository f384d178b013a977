/**
 * The form of a compact signed token, checked before any key is touched.
 *
 * JWT libraries decode base64 leniently, so that one signed token has many spellings (padding, white space, other last
 * characters). Here every token has exactly one: each part must be what its own bytes encode to. What is checked here is
 * public knowledge about the text; the signature is another module's work.
 */
import { Buffer } from "node:buffer"
import { parseObject } from "./unique-json.ts"

/** No honest token of this kind comes near it, and nothing longer is looked at. */
const MAX_TOKEN_LENGTH = 8_192

const BASE64URL = /^[A-Za-z0-9_-]+$/
/** Of signatures whose length the algorithm fixes; that of an RSA key is the key's. */
const SIGNATURE_BYTES: ReadonlyMap<string, number> = new Map([
  ["HS256", 32],
  ["ES256", 64],
  ["ES384", 96],
  ["EdDSA", 64],
])
const MAX_KEY_ID = 256

/**
 * Everything else is refused, not skipped: `crit` and `b64` change what is signed, `jku`, `jwk`, `x5u` and `x5c` bring a key
 * along, `cty` and `zip` say that the payload is no claims object. `kid` names one of the keys that are there already, or none.
 */
const ALLOWED_HEADERS: ReadonlySet<string> = new Set(["alg", "typ", "kid"])
const ALLOWED_TYPES: ReadonlySet<string> = new Set(["jwt", "at+jwt"])

/** `payload` is the text of the claims, not yet trusted. */
export type CompactToken = { readonly ok: true; readonly payload: string } | { readonly ok: false; readonly problem: string }

const refused = (problem: string): CompactToken => ({ ok: false, problem })

/** The bytes of one part, or `undefined` when another text encodes the same bytes. */
const decodePart = (part: string): Buffer | undefined => {
  if (!BASE64URL.test(part)) return undefined
  const bytes = Buffer.from(part, "base64url")
  return bytes.toString("base64url") === part ? bytes : undefined
}

const decodeText = (bytes: Buffer): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const headerProblem = (text: string, algorithms: ReadonlyArray<string>, signatureBytes: number): string | undefined => {
  const header = parseObject(text)
  if (header === undefined) return "the header is no JSON object with distinct names"
  for (const name of Object.keys(header)) if (!ALLOWED_HEADERS.has(name)) return "the header has a parameter that is not allowed"
  const algorithm = header["alg"]
  if (typeof algorithm !== "string" || !algorithms.includes(algorithm)) return `the algorithm is not ${algorithms.join(" or ")}`
  if (signatureBytes !== (SIGNATURE_BYTES.get(algorithm) ?? signatureBytes)) return "the signature has the wrong length"
  const keyId = header["kid"]
  if (keyId !== undefined && !(typeof keyId === "string" && keyId.length <= MAX_KEY_ID)) return "the key id is no short text"
  const type = header["typ"]
  if (type !== undefined && !(typeof type === "string" && ALLOWED_TYPES.has(type.toLowerCase())))
    return "the token is of another type"
  return undefined
}

export const readCompactToken = (token: string, algorithms: ReadonlyArray<string>): CompactToken => {
  if (token.length > MAX_TOKEN_LENGTH) return refused("the token is too long")
  const parts = token.split(".")
  if (parts.length !== 3) return refused("the token does not have three parts")
  const [header, payload, signature] = parts.map(decodePart)
  if (header === undefined || payload === undefined || signature === undefined)
    return refused("a part is not canonical base64url")
  const headerText = decodeText(header)
  const payloadText = decodeText(payload)
  if (headerText === undefined || payloadText === undefined) return refused("a part is not UTF-8")
  const problem = headerProblem(headerText, algorithms, signature.length)
  return problem === undefined ? { ok: true, payload: payloadText } : refused(problem)
}
