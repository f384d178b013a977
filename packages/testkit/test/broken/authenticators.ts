/** Faults of an `Authenticator`, and a sound one to compare with. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Authenticator, authenticationError, type AuthenticationError, type Principal } from "@parley/core"
import type { Credentials } from "@parley/testkit"
import type { Broken } from "./broken.ts"

type Authenticate = Authenticator["Service"]["authenticate"]

const ANN: Principal = { tenant: "acme", userId: "ann", roles: [], tokenId: "issuer:1" }
const TOKEN = "good-token-of-ann"

export const credentials: Credentials = {
  good: [{ title: "known", token: TOKEN, principal: ANN }],
  bad: [{ title: "old", token: "good-token-of-yesterday", reason: "expired" }],
}

const refused = (token: string): AuthenticationError =>
  token === ""
    ? authenticationError("missing", "no token was sent")
    : authenticationError(token.includes("yesterday") ? "expired" : "invalid", "the token is not one of ours")

const sound: Authenticate = (token) => (token === TOKEN ? Effect.succeed(ANN) : Effect.fail(refused(token)))

const layerOf = (authenticate: Authenticate): Layer.Layer<Authenticator> => Layer.succeed(Authenticator, { authenticate })

export const soundAuthenticator = (): Layer.Layer<Authenticator> => layerOf(sound)

const broken = (fault: string, caughtBy: ReadonlyArray<string>, make: () => Authenticate): Broken<Authenticator> => ({
  fault,
  caughtBy,
  layer: () => Layer.suspend(() => layerOf(make())),
})

export const brokenAuthenticators: ReadonlyArray<Broken<Authenticator>> = [
  broken("makes every login a new user", ["auth.good known"], () => {
    let logins = 0
    return (token) => Effect.map(sound(token), (principal) => ({ ...principal, userId: `ann${logins++}` }))
  }),
  broken(
    "keeps the token in the principal",
    ["auth.good known"],
    () => (token) => Effect.map(sound(token), (principal) => ({ ...principal, tokenId: token })),
  ),
  broken(
    "takes expired tokens",
    ["auth.bad old"],
    () => (token) => (token.includes("yesterday") ? Effect.succeed(ANN) : sound(token)),
  ),
  broken(
    "knows one reason",
    ["auth.bad old", "auth.empty"],
    () => (token) => Effect.mapError(sound(token), () => authenticationError("unavailable", "no")),
  ),
  broken(
    "reports the credential",
    ["auth.bad old", "auth.hostile"],
    () => (token) => Effect.mapError(sound(token), ({ reason }) => authenticationError(reason, `refused ${token}`)),
  ),
  broken(
    "dies of texts it cannot parse",
    ["auth.hostile"],
    () => (token) => (token.includes(".") ? Effect.sync((): Principal => JSON.parse(token) as Principal) : sound(token)),
  ),
  broken("takes what begins like a good token", ["auth.altered"], () => (token) => sound(token.slice(0, TOKEN.length))),
]
