import * as Layer from "effect/Layer"
import { SignJWT } from "jose"
import { Authenticator } from "@parley/core"
import { devAuthenticator, jwtAuthenticator } from "@parley/adapters/jwt"
import { authenticatorCases } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"

const SECRET = "0123456789abcdef0123456789abcdef-not-a-real-one"
/** Far enough from now on both sides that no test run comes near them. */
const PAST = 1_000_000_000
const FUTURE = 4_000_000_000

const sign = (claims: { readonly [name: string]: unknown }, secret = SECRET) =>
  new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret))

const claims = { sub: "ann", iss: "https://id.example", jti: "t-1", exp: FUTURE, roles: ["editor"], tenant: "acme" }
const principal = {
  tenant: "acme",
  userId: "ann",
  roles: ["editor"],
  tokenId: "https://id.example:t-1",
  expiresAt: FUTURE * 1_000,
}

conformance(
  "Authenticator",
  authenticatorCases({
    good: [
      { title: "full", token: await sign(claims), principal },
      {
        title: "least",
        token: await sign({ sub: "ann", exp: FUTURE }),
        principal: { tenant: "default", userId: "ann", roles: [], expiresAt: FUTURE * 1_000 },
      },
    ],
    bad: [
      { title: "expired", token: await sign({ ...claims, exp: PAST }), reason: "expired" },
      { title: "not yet valid", token: await sign({ ...claims, nbf: FUTURE - 1 }), reason: "invalid" },
      { title: "of another secret", token: await sign(claims, "f".repeat(40)), reason: "invalid" },
      { title: "without a user", token: await sign({ exp: FUTURE }), reason: "invalid" },
      { title: "without an expiry", token: await sign({ sub: "ann" }), reason: "invalid" },
    ],
  }),
)({ name: "jwt", layer: () => Layer.sync(Authenticator, () => jwtAuthenticator({ secret: SECRET })) })

conformance(
  "Authenticator",
  authenticatorCases({
    good: [{ title: "name", token: "dev:ann", principal: { tenant: "default", userId: "ann", roles: [] } }],
    bad: [
      { title: "without the prefix", token: "ann", reason: "invalid" },
      { title: "without a name", token: "dev:", reason: "invalid" },
    ],
  }),
)({
  name: "dev",
  layer: () => Layer.sync(Authenticator, devAuthenticator),
  deviations: [{ id: "auth.altered", reason: "a development token is a name without proof, so another name is another user" }],
})
