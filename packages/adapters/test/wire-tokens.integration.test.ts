/** Tokens that prove nothing, at the three doors: an HTTP request, an upgrade, an authenticate frame. */
import { createHmac, generateKeyPairSync } from "node:crypto"
import { once } from "node:events"
import * as Effect from "effect/Effect"
import { SignJWT, type JWTPayload } from "jose"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { jwtAuthenticator } from "@parley/adapters/jwt"
import { apiOf, connect, type Host, openHost, refusedUpgrade } from "./wire-harness.ts"

const secret = "a secret of the test that is long enough"
const key = new TextEncoder().encode(secret)
const soon = () => Math.floor(Date.now() / 1_000) + 600
const claims = (extra: JWTPayload = {}): JWTPayload => ({
  sub: "ann",
  iss: "https://id.example",
  aud: "parley",
  exp: soon(),
  ...extra,
})
const sign = (payload: JWTPayload, header: { alg: string; [name: string]: unknown } = { alg: "HS256" }, by: Uint8Array = key) =>
  new SignJWT(payload).setProtectedHeader(header).sign(by)
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
/** Signed by hand, for what a library would not make. */
const forge = (header: unknown, payload: unknown = claims(), by: string | Buffer = secret, hash = "sha256") => {
  const body = `${part(header)}.${part(payload)}`
  return `${body}.${createHmac(hash, by).update(body).digest("base64url")}`
}

let host: Host
beforeAll(async () => {
  host = await openHost({ authenticate: jwtAuthenticator({ secret, issuer: "https://id.example", audience: "parley" }) })
})
afterAll(() => host.close())

const publicPem = generateKeyPairSync("rsa", { modulusLength: 2_048 }).publicKey.export({ type: "spki", format: "pem" }) as string
const good = () => sign(claims())
const swapPart = async (at: number, value: string) => {
  const parts = (await good()).split(".")
  parts[at] = value
  return parts.join(".")
}

const BAD: ReadonlyArray<readonly [string, () => string | Promise<string>]> = [
  ["no token but text", () => "hello"],
  ["three empty parts", () => ".."],
  ["unsigned, alg none", () => `${part({ alg: "none" })}.${part(claims())}.`],
  ["unsigned, alg None", () => `${part({ alg: "None" })}.${part(claims())}.`],
  ["its signature cut off", async () => (await good()).split(".").slice(0, 2).join(".")],
  ["an empty signature", () => swapPart(2, "")],
  ["another secret", () => sign(claims(), { alg: "HS256" }, new TextEncoder().encode("another secret that is long enough"))],
  ["another user under the old signature", () => swapPart(1, part(claims({ sub: "bob" })))],
  ["HS512", () => sign(claims(), { alg: "HS512" })],
  ["HS384 said to be HS256", () => forge({ alg: "HS256" }, claims(), secret, "sha384")],
  ["RS256 in the header", () => forge({ alg: "RS256" })],
  ["a public key as the secret", () => forge({ alg: "HS256" }, claims(), publicPem)],
  ["a key of its own in jwk", () => forge({ alg: "HS256", jwk: { kty: "oct", k: "AAAA" } })],
  ["a key to fetch in jku", () => forge({ alg: "HS256", jku: "http://127.0.0.1:1/keys" })],
  ["a critical extension", () => forge({ alg: "HS256", crit: ["exp"], exp: 0 })],
  ["an unencoded payload", () => forge({ alg: "HS256", b64: false, crit: ["b64"] })],
  ["a path for kid", () => forge({ alg: "HS256", kid: "../../dev/null" }, claims(), "")],
  ["another issuer", () => sign(claims({ iss: "https://evil.example" }))],
  ["another audience", () => sign(claims({ aud: "billing" }))],
  ["no expiry", () => sign({ sub: "ann", iss: "https://id.example", aud: "parley" })],
  ["a start in the future", () => sign(claims({ nbf: soon() }))],
  ["no user", () => sign({ iss: "https://id.example", aud: "parley", exp: soon() })],
  ["a user with NUL", () => sign(claims({ sub: "ann\u0000" }))],
  ["8 KiB of claims", () => sign(claims({ pad: "x".repeat(8_192) }))],
  ["padding after the signature", async () => `${await good()}=`],
]

describe("a token with", () => {
  it.each(BAD)("%s opens no door", async (_name, make) => {
    const token = await make()
    const overHttp = await apiOf(host, "ann")("GET", "/sessions", { token })
    expect([overHttp.status, overHttp.body["error"].code]).toEqual([401, "unauthenticated"])
    expect(overHttp.headers.get("x-correlation-id")).toBe(overHttp.body["error"].correlationId)

    const overUpgrade = await refusedUpgrade(host, { authorization: `Bearer ${token}` })
    expect(overUpgrade).toMatchObject({ status: 401, body: { error: { code: "unauthenticated" } } })

    const client = await connect(host, undefined)
    client.send({ type: "authenticate", id: "1", token })
    expect(await client.closed).toEqual({ code: 4401, reason: "unauthenticated" })
    expect(client.frames).toMatchObject([
      { type: "error", id: "1", error: { code: "unauthenticated", correlationId: expect.any(String) } },
    ])
    // Nobody is told why, and no log repeats it.
    const logged = JSON.stringify(host.logs)
    if (token.length > 8) expect(logged + overHttp.text + JSON.stringify(client.frames)).not.toContain(token)
  })

  it("an expiry that has passed says so, and that a new one helps", async () => {
    const token = await sign(claims({ exp: Math.floor(Date.now() / 1_000) - 5 }))
    const overHttp = await apiOf(host, "ann")("GET", "/sessions", { token })
    expect([overHttp.status, overHttp.body["error"].code]).toEqual([401, "token_expired"])
    expect(await refusedUpgrade(host, { authorization: `Bearer ${token}` })).toMatchObject({
      status: 401,
      body: { error: { code: "token_expired" } },
    })
    const client = await connect(host, undefined)
    client.send({ type: "authenticate", id: "1", token })
    expect(await client.closed).toEqual({ code: 4402, reason: "token_expired" })
  })

  it("everything in order opens all three", async () => {
    const token = await good()
    expect((await apiOf(host, "ann")("GET", "/sessions", { token })).status).toBe(200)
    expect(await refusedUpgrade(host, { authorization: `Bearer ${token}` })).toBe("accepted")
    const client = await connect(host, undefined)
    expect(await client.ask({ type: "authenticate", token })).toMatchObject({ type: "reply", userId: "ann" })
  })
})

describe("on an open connection", () => {
  it("the token's end is the connection's, unless it is refreshed", async () => {
    const brief = await openHost({
      authenticate: jwtAuthenticator({ secret }),
      timing: { tokenLeeway: 0 },
    })
    const ends = Math.floor(Date.now() / 1_000) + 2
    const [left, refreshed] = await Promise.all([
      connect(brief, await sign(claims({ exp: ends }))),
      connect(brief, await sign(claims({ exp: ends }))),
    ])
    expect(await refreshed.ask({ type: "authenticate", token: await good() })).toMatchObject({ type: "reply", userId: "ann" })
    expect(await left.closed).toEqual({ code: 4402, reason: "token_expired" })
    expect(await refreshed.ask({ type: "list_conversations" })).toMatchObject({ type: "reply" })
    await brief.close()
  })

  it("a token of another user ends it", async () => {
    const client = await connect(host, await good())
    client.send({ type: "authenticate", id: "1", token: await sign(claims({ sub: "bob" })) })
    expect(await client.closed).toEqual({ code: 4501, reason: "principal_changed" })
    expect(client.frames.filter((frame) => frame["type"] === "reply")).toEqual([])
  })

  it("two tokens at once are those of one user, or the connection ends", async () => {
    const slow = await openHost({
      authenticate: async (token) => {
        await once(slow.server, `test:${token}`)
        return { userId: token }
      },
    })
    const client = await connect(slow, undefined)
    for (const token of ["ann", "bob"]) client.send({ type: "authenticate", id: token, token })
    await expect.poll(() => slow.server.listenerCount("test:bob")).toBe(1)
    slow.server.emit("test:ann")
    await client.find((frame) => frame["type"] === "welcome")
    slow.server.emit("test:bob")
    expect(await client.closed).toEqual({ code: 4501, reason: "principal_changed" })
    expect(client.frames.filter((frame) => frame["type"] === "welcome")).toMatchObject([{ userId: "ann" }])
    await slow.close()
  })

  it("a check that breaks is answered, and logged", async () => {
    const broken = await openHost({ authenticate: { authenticate: () => Effect.die(new Error("broken authenticator")) } })
    const client = await connect(broken, undefined)
    expect(await client.ask({ type: "authenticate", token: "x" })).toMatchObject({ type: "error", error: { code: "internal" } })
    expect(broken.logs.map((entry) => JSON.stringify(entry)).join()).toContain("broken authenticator")
    await broken.close()
  })

  it("a token of another tenant ends it", async () => {
    const client = await connect(host, await good())
    client.send({ type: "authenticate", id: "1", token: await sign(claims({ tenant: "other" })) })
    expect(await client.closed).toEqual({ code: 4501, reason: "principal_changed" })
  })
})
