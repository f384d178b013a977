import { createHmac } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose"
import type { AuthenticatorShape } from "@parley/core"
import { jwksAuthenticator } from "@parley/adapters/jwt"
import { describe, expect, it, onTestFinished } from "vitest"

const FUTURE = 4_000_000_000
const rsa = await generateKeyPair("RS256", { extractable: true })
const ec = await generateKeyPair("ES256")
const rsaJwk = { ...(await exportJWK(rsa.publicKey)), kid: "rsa" }
const ecJwk = { ...(await exportJWK(ec.publicKey)), kid: "ec" }
const sign = (alg: "RS256" | "ES256", header: object = {}) =>
  new SignJWT({ sub: "ann", exp: FUTURE })
    .setProtectedHeader({ alg, ...header })
    .sign(alg === "ES256" ? ec.privateKey : rsa.privateKey)
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

const verdict = (authenticator: AuthenticatorShape, token: string): Promise<string> =>
  Effect.runPromise(
    Effect.match(authenticator.authenticate(token), {
      onSuccess: ({ userId }) => userId,
      onFailure: ({ reason, message }) => `${reason}: ${message}`,
    }),
  )

/** A key server whose set and mood a test changes. */
const keyServer = async () => {
  const state = { status: 200, body: JSON.stringify({ keys: [rsaJwk] }), asked: 0 }
  const server = createServer((_request, response) => {
    state.asked += 1
    response.writeHead(state.status, { "content-type": "application/json" }).end(state.body)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys` }
}

describe("a key set", () => {
  it("is chosen from by the key id, and each algorithm has keys of its own", async () => {
    const authenticator = jwksAuthenticator({ keys: { keys: [rsaJwk, ecJwk] } })
    expect(await verdict(authenticator, await sign("RS256", { kid: "rsa" }))).toBe("ann")
    expect(await verdict(authenticator, await sign("ES256", { kid: "ec" }))).toBe("ann")
    expect(await verdict(authenticator, await sign("ES256"))).toBe("ann")
    for (const [alg, kid] of [
      ["RS256", "ec"],
      ["ES256", "rsa"],
      ["RS256", "../../etc/passwd"],
      ["RS256", "' OR 1=1 --"],
      ["RS256", "__proto__"],
      ["RS256", "x".repeat(257)],
    ] as const)
      expect(await verdict(authenticator, await sign(alg, { kid }))).toMatch(/^invalid/u)
  })

  it("takes no algorithm but those of its issuer, and never a secret", async () => {
    const authenticator = jwksAuthenticator({ keys: { keys: [rsaJwk, ecJwk] }, algorithms: ["RS256"] })
    expect(await verdict(authenticator, await sign("ES256"))).toMatch(/^invalid: the algorithm/u)
    const pem = await exportSPKI(rsa.publicKey)
    for (const secret of [pem, pem.trim(), rsaJwk.n as string, ""]) {
      const body = `${part({ alg: "HS256", kid: "rsa" })}.${part({ sub: "ann", exp: FUTURE })}`
      const forged = `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`
      expect(await verdict(authenticator, forged)).toMatch(/^invalid: the algorithm/u)
    }
    for (const extra of [{ jwk: rsaJwk }, { jku: "https://evil.example" }, { x5c: ["x"] }, { crit: ["exp"] }, { b64: false }]) {
      const [, payload, signature] = (await sign("RS256")).split(".") as [string, string, string]
      expect(await verdict(authenticator, `${part({ alg: "RS256", ...extra })}.${payload}.${signature}`)).toMatch(/^invalid/u)
    }
  })

  it("is refused when it is given with a mistake", () => {
    const refused = (options: object) => expect(() => jwksAuthenticator(options as never))
    refused({ keys: { keys: [] } }).toThrow("no keys")
    refused({ keys: { keys: [{ kty: "oct", k: "c2VjcmV0" }] } }).toThrow("secret")
    refused({ keys: { keys: [{ ...rsaJwk, d: "x" }] } }).toThrow("private")
    refused({ keys: { keys: [rsaJwk] }, algorithms: ["HS256"] }).toThrow("algorithms")
    refused({ keys: { keys: [rsaJwk] }, algorithms: [] }).toThrow("algorithms")
    refused({ keys: "http://id.example/keys" }).toThrow("https")
    refused({ keys: "nowhere" }).toThrow("URL")
    refused({ keys: { keys: [rsaJwk] }, issuer: "" }).toThrow("issuer")
  })

  it("is fetched once for many tokens", async () => {
    const { state, url } = await keyServer()
    const authenticator = jwksAuthenticator({ keys: url })
    const token = await sign("RS256", { kid: "rsa" })
    expect(state.asked).toBe(0)
    expect(await Promise.all([1, 2, 3].map(() => verdict(authenticator, token)))).toEqual(["ann", "ann", "ann"])
    expect(await verdict(authenticator, await sign("RS256", { kid: "unknown" }))).toMatch(/^invalid: no key/u)
    expect(state.asked).toBe(1)
  })

  it("that cannot be had makes tokens unavailable, and good again once it can", async () => {
    const { state, url } = await keyServer()
    const authenticator = jwksAuthenticator({ keys: url })
    const token = await sign("RS256", { kid: "rsa" })
    const sound = state.body
    for (const [status, body] of [
      [500, sound],
      [302, sound],
      [200, "no json"],
      [200, "{}"],
    ] as const) {
      Object.assign(state, { status, body })
      expect(await verdict(authenticator, token)).toMatch(/^unavailable/u)
    }
    Object.assign(state, { status: 200, body: sound })
    expect(await verdict(authenticator, token)).toBe("ann")
    const nobody = jwksAuthenticator({ keys: "http://127.0.0.1:1/keys" })
    expect(await verdict(nobody, token)).toMatch(/^unavailable/u)
  })
})
