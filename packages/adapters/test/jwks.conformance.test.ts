import * as Layer from "effect/Layer"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { Authenticator } from "@parley/core"
import { jwksAuthenticator } from "@parley/adapters/jwt"
import { authenticatorCases } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"

const PAST = 1_000_000_000
const FUTURE = 4_000_000_000
const ISSUER = "https://id.example"

for (const alg of ["RS256", "ES256", "EdDSA"] as const) {
  const [{ publicKey, privateKey }, other] = [await generateKeyPair(alg), await generateKeyPair(alg)]
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg }] }
  const sign = (claims: { readonly [name: string]: unknown }, key = privateKey) =>
    new SignJWT({ iss: ISSUER, aud: "parley", ...claims }).setProtectedHeader({ alg, kid: "k1" }).sign(key)

  conformance(
    "Authenticator",
    authenticatorCases({
      good: [
        {
          title: "full",
          token: await sign({ sub: "ann", jti: "t-1", exp: FUTURE, roles: ["editor"], tenant: "acme" }),
          principal: {
            tenant: "acme",
            userId: "ann",
            roles: ["editor"],
            tokenId: `${ISSUER}:t-1`,
            expiresAt: FUTURE * 1_000,
          },
        },
      ],
      bad: [
        { title: "expired", token: await sign({ sub: "ann", exp: PAST }), reason: "expired" },
        { title: "of another key", token: await sign({ sub: "ann", exp: FUTURE }, other.privateKey), reason: "invalid" },
        {
          title: "of another issuer",
          token: await sign({ sub: "ann", exp: FUTURE, iss: "https://evil.example" }),
          reason: "invalid",
        },
        { title: "for another audience", token: await sign({ sub: "ann", exp: FUTURE, aud: "mail" }), reason: "invalid" },
      ],
    }),
  )({
    name: `jwks ${alg}`,
    layer: () =>
      Layer.sync(Authenticator, () => jwksAuthenticator({ keys, algorithms: [alg], issuer: ISSUER, audience: "parley" })),
  })
}
