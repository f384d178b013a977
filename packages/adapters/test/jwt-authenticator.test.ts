import { createHmac } from "node:crypto"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { SignJWT } from "jose"
import { describe, expect, test } from "vitest"
import { jwtAuthenticator } from "@parley/adapters/jwt"

const SECRET = "0123456789abcdef0123456789abcdef-not-a-real-one"
/** The test clock's time. Tokens are made for it, so no result depends on when the tests run. */
const NOW = 1_800_000_000
const CLAIMS = { sub: "ann", iss: "https://id.example", aud: "parley", jti: "t-1", exp: NOW + 600 }

const authenticator = jwtAuthenticator({ secret: SECRET, issuer: "https://id.example", audience: "parley" })
const open = jwtAuthenticator({ secret: SECRET })

const run = <A, E>(effect: Effect.Effect<A, E>, seconds = NOW) =>
  Effect.runPromise(Effect.andThen(TestClock.setTime(seconds * 1_000), effect).pipe(Effect.provide(TestClock.layer())))
const accept = (token: string, by = authenticator, seconds = NOW) => run(by.authenticate(token), seconds)
const refuse = (token: string, by = authenticator, seconds = NOW) => run(Effect.flip(by.authenticate(token)), seconds)

const encode = (text: string | Uint8Array) => Buffer.from(text as string).toString("base64url")
const hmac = (input: string, secret = SECRET, hash = "sha256") => createHmac(hash, secret).update(input).digest("base64url")
/** Signs any two texts, well made or not: what a careless or hostile issuer with the right key could send. */
const forge = (header: string | Uint8Array, payload: string | Uint8Array, secret = SECRET) => {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${hmac(input, secret)}`
}
const withHeader = (header: object) => forge(JSON.stringify({ alg: "HS256", ...header }), JSON.stringify(CLAIMS))
const withClaims = (claims: object) => forge('{"alg":"HS256"}', JSON.stringify({ ...CLAIMS, ...claims }))
const withPayload = (payload: string | Uint8Array) => forge('{"alg":"HS256","typ":"JWT"}', payload)
const good = withClaims({})
const [goodHeader = "", goodPayload = "", goodSignature = ""] = good.split(".")
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
/** The same signature bytes in another spelling: the last character of 32 bytes has two bits that mean nothing. */
const respelled = ALPHABET[ALPHABET.indexOf(goodSignature.at(-1) as string) + 1] as string

describe("jwtAuthenticator accepts", () => {
  test("a token of jose's own making, and reads the principal from it", async () => {
    const token = await new SignJWT({ tenant: "acme", roles: ["editor"] })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setSubject("ann")
      .setIssuer("https://id.example")
      .setAudience(["other", "parley"])
      .setJti("t-1")
      .setIssuedAt(NOW)
      .setExpirationTime(NOW + 600)
      .sign(new TextEncoder().encode(SECRET))
    expect(await accept(token)).toEqual({
      tenant: "acme",
      userId: "ann",
      roles: ["editor"],
      tokenId: "https://id.example:t-1",
      expiresAt: (NOW + 600) * 1_000,
    })
  })

  test("a token with the least it must have, in the default tenant and without identity", async () => {
    const token = withPayload(JSON.stringify({ sub: "ann", exp: NOW + 1 }))
    expect(await accept(token, open)).toEqual({ tenant: "default", userId: "ann", roles: [], expiresAt: (NOW + 1) * 1_000 })
  })

  test.each([
    ["an access token by its type", withHeader({ typ: "at+jwt" }), {}],
    ["a key id that looks like a path, which is never followed", withHeader({ kid: "../../../../dev/null" }), {}],
    ["a key id that looks like SQL", withHeader({ kid: "x' UNION SELECT 'key" }), {}],
    ["a tenant under its short name", withClaims({ tid: "acme" }), { tenant: "acme" }],
    ["both names of the tenant when they agree", withClaims({ tenant: "acme", tid: "acme" }), { tenant: "acme" }],
    ["a user id of 128 code units", withClaims({ sub: "x".repeat(128) }), { userId: "x".repeat(128) }],
    ["a user id beyond ASCII", withClaims({ sub: "Zoë 🦜" }), { userId: "Zoë 🦜" }],
    [
      "a jti without an iss",
      withPayload(JSON.stringify({ sub: "ann", aud: "parley", exp: NOW + 9, jti: "j" })),
      { tokenId: ":j" },
    ],
    [
      "claims it does not know, repeated names inside them included",
      withPayload(`{"a":{"x":1,"x":2},"b":["sub","sub"],"sub":"ann","exp":${NOW + 9}}`),
      {},
    ],
    ["a name that is a claim only as a value", withPayload(`{"a":"\\"sub\\":","sub":"ann","exp":${NOW + 9}}`), {}],
    ["a validity that begins now", withClaims({ nbf: NOW }), {}],
  ])("%s", async (_title, token, expected) => {
    expect(await accept(token, open)).toMatchObject({ userId: "ann", ...expected })
  })

  test("times within the clock tolerance, and none beyond it", async () => {
    const tolerant = jwtAuthenticator({ secret: SECRET, clockTolerance: 30 })
    expect(await accept(withClaims({ exp: NOW - 29 }), tolerant)).toMatchObject({ expiresAt: (NOW - 29) * 1_000 })
    expect(await accept(withClaims({ nbf: NOW + 30 }), tolerant)).toMatchObject({ userId: "ann" })
    expect(await refuse(withClaims({ exp: NOW - 30 }), tolerant)).toMatchObject({ reason: "expired" })
    expect(await refuse(withClaims({ nbf: NOW + 31 }), tolerant)).toMatchObject({ reason: "invalid" })
  })

  test("the same token until the moment of its expiry and not after", async () => {
    const token = withClaims({ exp: NOW + 0.5 })
    expect(await accept(token, authenticator, NOW + 0.4)).toMatchObject({ userId: "ann" })
    expect(await refuse(token, authenticator, NOW + 0.5)).toMatchObject({ reason: "expired" })
  })
})

describe("jwtAuthenticator refuses", () => {
  const cases: ReadonlyArray<readonly [title: string, token: string, reason: "missing" | "invalid" | "expired"]> = [
    ["no token", "", "missing"],
    ["alg none", forge('{"alg":"none"}', JSON.stringify(CLAIMS)), "invalid"],
    ["alg none without a signature", `${encode('{"alg":"none"}')}.${goodPayload}.`, "invalid"],
    ["an unsigned token", `${goodHeader}.${goodPayload}.`, "invalid"],
    ["two parts", `${goodHeader}.${goodPayload}`, "invalid"],
    ["five parts, as an encrypted token has", `${good}.${goodPayload}.${goodSignature}`, "invalid"],
    ["an RS256 header over an HMAC", withHeader({ alg: "RS256" }), "invalid"],
    ["alg in another case", withHeader({ alg: "hs256" }), "invalid"],
    ["alg in a list", withHeader({ alg: ["HS256"] }), "invalid"],
    ["no alg", forge('{"typ":"JWT"}', JSON.stringify(CLAIMS)), "invalid"],
    ["alg twice", forge('{"alg":"none","alg":"HS256"}', JSON.stringify(CLAIMS)), "invalid"],
    [
      "HS512, rightly signed",
      `${encode('{"alg":"HS512"}')}.${goodPayload}.${hmac(`${encode('{"alg":"HS512"}')}.${goodPayload}`, SECRET, "sha512")}`,
      "invalid",
    ],
    ["another secret", forge('{"alg":"HS256"}', JSON.stringify(CLAIMS), "f".repeat(40)), "invalid"],
    ["an empty secret", forge('{"alg":"HS256"}', JSON.stringify(CLAIMS), ""), "invalid"],
    ["a changed payload", `${goodHeader}.${encode(JSON.stringify({ ...CLAIMS, sub: "bob" }))}.${goodSignature}`, "invalid"],
    ["a truncated signature", good.slice(0, -2), "invalid"],
    ["an expired token", withClaims({ exp: NOW - 1 }), "expired"],
    ["a token that expires now", withClaims({ exp: NOW }), "expired"],
    [
      "an expired token under another secret as invalid: nothing of it is believed",
      forge('{"alg":"HS256"}', JSON.stringify({ ...CLAIMS, exp: 1 }), "f".repeat(40)),
      "invalid",
    ],
    ["a validity in the future", withClaims({ nbf: NOW + 1 }), "invalid"],
    ["nbf as text", withClaims({ nbf: "0" }), "invalid"],
    ["no exp", withClaims({ exp: undefined }), "invalid"],
    ["exp as text", withClaims({ exp: String(NOW + 600) }), "invalid"],
    ["exp beyond any date", withPayload(`{"sub":"ann","exp":1e300,"iss":"https://id.example","aud":"parley"}`), "invalid"],
    [
      "exp that overflows to infinity",
      withPayload(`{"sub":"ann","exp":1e999,"iss":"https://id.example","aud":"parley"}`),
      "invalid",
    ],
    ["padding at the end", `${good}=`, "invalid"],
    ["padding inside", `${goodHeader}=.${goodPayload}.${goodSignature}`, "invalid"],
    ["a space at the end", `${good} `, "invalid"],
    ["a space in front", ` ${good}`, "invalid"],
    ["a newline at the end", `${good}\n`, "invalid"],
    ["a newline inside", `${goodHeader}.\n${goodPayload}.${goodSignature}`, "invalid"],
    ["NUL at the end", `${good}\0`, "invalid"],
    ["the same bytes with another last character", good.slice(0, -1) + respelled, "invalid"],
    [
      "plain base64 instead of base64url",
      `${goodHeader}.${goodPayload}.${Buffer.from(goodSignature, "base64url").toString("base64")}`,
      "invalid",
    ],
    ["a scheme in front", `Bearer ${good}`, "invalid"],
    ["crit", withHeader({ crit: ["exp"] }), "invalid"],
    ["b64", withHeader({ b64: false, crit: ["b64"] }), "invalid"],
    ["a key in the header", withHeader({ jwk: { kty: "oct", k: encode("k".repeat(32)) } }), "invalid"],
    ["a key address in the header", withHeader({ jku: "https://evil.example/keys" }), "invalid"],
    ["a certificate address in the header", withHeader({ x5u: "https://evil.example/cert" }), "invalid"],
    ["a certificate in the header", withHeader({ x5c: ["MIIB"] }), "invalid"],
    ["a compressed payload", withHeader({ zip: "DEF" }), "invalid"],
    ["a nested token by its content type", withHeader({ cty: "JWT" }), "invalid"],
    ["a nested token by its payload", withPayload(good), "invalid"],
    ["a nested token as a JSON string", withPayload(JSON.stringify(good)), "invalid"],
    ["another type", withHeader({ typ: "secevent+jwt" }), "invalid"],
    ["a type that is no text", withHeader({ typ: ["JWT"] }), "invalid"],
    ["a header that is no object", forge('["HS256"]', JSON.stringify(CLAIMS)), "invalid"],
    ["a header that is no JSON", forge("alg=HS256", JSON.stringify(CLAIMS)), "invalid"],
    ["a payload that is null", withPayload("null"), "invalid"],
    ["a payload that is a list", withPayload(JSON.stringify([CLAIMS])), "invalid"],
    ["a payload that is no JSON", withPayload("{sub:'ann'}"), "invalid"],
    ["a payload with a byte order mark", withPayload(`\uFEFF${JSON.stringify(CLAIMS)}`), "invalid"],
    ["a payload that is no UTF-8", withPayload(Buffer.from([0x7b, 0xff, 0x7d])), "invalid"],
    [
      "sub twice",
      withPayload(`{"sub":"ann","sub":"root","exp":${NOW + 9},"iss":"https://id.example","aud":"parley"}`),
      "invalid",
    ],
    [
      "sub twice, once by an escape",
      withPayload(`{"sub":"ann","\\u0073ub":"root","exp":${NOW + 9},"iss":"https://id.example","aud":"parley"}`),
      "invalid",
    ],
    [
      "exp twice around a nested object",
      withPayload(`{"exp":1,"x":{"exp":2},"sub":"ann","exp":${NOW + 9},"iss":"https://id.example","aud":"parley"}`),
      "invalid",
    ],
    ["no sub", withClaims({ sub: undefined }), "invalid"],
    ["sub as a number", withClaims({ sub: 7 }), "invalid"],
    ["an empty sub", withClaims({ sub: "" }), "invalid"],
    ["a sub of 129 code units", withClaims({ sub: "x".repeat(129) }), "invalid"],
    ["NUL in sub", withClaims({ sub: "ann\0" }), "invalid"],
    [
      "a lone surrogate in sub",
      withPayload(`{"sub":"\\ud800","exp":${NOW + 9},"iss":"https://id.example","aud":"parley"}`),
      "invalid",
    ],
    ["another issuer", withClaims({ iss: "https://id.example.evil" }), "invalid"],
    ["no issuer", withClaims({ iss: undefined }), "invalid"],
    ["issuers in a list", withClaims({ iss: ["https://id.example"] }), "invalid"],
    ["another audience", withClaims({ aud: "parley2" }), "invalid"],
    ["no audience", withClaims({ aud: undefined }), "invalid"],
    ["a tenant with a separator", withClaims({ tenant: "acme/other" }), "invalid"],
    ["a tenant that ends in a newline", withClaims({ tenant: "acme\n" }), "invalid"],
    ["an empty tenant", withClaims({ tenant: "" }), "invalid"],
    ["a tenant that is null", withClaims({ tenant: null }), "invalid"],
    ["a tenant of 65 characters", withClaims({ tenant: "x".repeat(65) }), "invalid"],
    ["two tenants", withClaims({ tenant: "acme", tid: "other" }), "invalid"],
    ["roles as text", withClaims({ roles: "admin" }), "invalid"],
    ["roles that are null", withClaims({ roles: null }), "invalid"],
    ["a role that is no text", withClaims({ roles: ["admin", 1] }), "invalid"],
    ["a jti that is no text", withClaims({ jti: 1 }), "invalid"],
    ["an iat that is no time", withClaims({ iat: "yesterday" }), "invalid"],
    ["100 KB", "a".repeat(102_400), "invalid"],
    ["100 KB of dots", ".".repeat(102_400), "invalid"],
    ["100 KB, rightly signed", withClaims({ filler: "x".repeat(102_400) }), "invalid"],
    ["a name of Object.prototype as claims", withPayload('{"__proto__":{"sub":"root","exp":9999999999}}'), "invalid"],
  ]

  test.each(cases)("%s", async (_title, token, reason) => {
    const error = await refuse(token)
    expect(error).toMatchObject({ _tag: "AuthenticationError", reason })
    // A log line must not be a credential: no part of the token that could serve as one stands in the error.
    const told = JSON.stringify(error)
    for (const part of token.split(".").filter((text) => text.length > 7)) expect(told).not.toContain(part)
    expect(told.length).toBeLessThan(200)
  })

  test("has a title of its own for every case", () => {
    expect(new Set(cases.map(([title]) => title)).size).toBe(cases.length)
  })
})

describe("jwtAuthenticator is refused", () => {
  test.each([
    ["a secret of 31 bytes", { secret: "x".repeat(31) }, /31 bytes and needs at least 32/],
    ["an empty secret", { secret: "" }, /0 bytes/],
    ["a secret that is ill-formed", { secret: "\ud800".repeat(32) }, /well-formed/],
    ["an empty issuer", { secret: SECRET, issuer: "" }, /issuer is empty/],
    ["an empty audience", { secret: SECRET, audience: "" }, /audience is empty/],
    ["a negative tolerance", { secret: SECRET, clockTolerance: -1 }, /between 0 and 3600/],
    ["a tolerance that is no number", { secret: SECRET, clockTolerance: Number.NaN }, /between 0 and 3600/],
  ])("%s, at construction", (_title, options, message) => {
    expect(() => jwtAuthenticator(options)).toThrow(message)
  })

  test("a secret of 32 bytes in fewer characters is enough", async () => {
    const secret = "ö".repeat(16)
    const token = forge('{"alg":"HS256"}', JSON.stringify(CLAIMS), secret)
    expect(await accept(token, jwtAuthenticator({ secret }))).toMatchObject({ userId: "ann" })
  })
})
