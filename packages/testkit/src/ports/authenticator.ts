/** Authenticator: good credentials give their principal, all others a reason, whatever text arrives. */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import { Authenticator, type AuthenticationError, type Principal } from "@parley/core"
import type { Case } from "../conformance/case.ts"

export interface Credentials {
  readonly good: ReadonlyArray<{ readonly title: string; readonly token: string; readonly principal: Principal }>
  readonly bad: ReadonlyArray<{ readonly title: string; readonly token: string; readonly reason: AuthenticationError["reason"] }>
}

/** Long, odd and broken texts: whoever can open a socket can send them. */
const HOSTILE: ReadonlyArray<string> = [
  " ",
  ".",
  "..",
  "...",
  "a.b.c",
  "null",
  "undefined",
  "__proto__",
  "\0",
  "\ud800",
  "😀.😀.😀",
  "{}",
  "e30.e30.",
  "e30.e30.e30",
  "=.=.=",
  "%00%2e",
  "Bearer ",
  "x".repeat(1_000_000),
  "x.".repeat(200_000),
]

const authenticate = (token: string) => Authenticator.use((authenticator) => authenticator.authenticate(token))

/** An error says why and never shows the credential. */
const checkError = (error: AuthenticationError, token: string): void => {
  Assert.equal(error._tag, "AuthenticationError")
  Assert.equal(typeof error.message, "string")
  Assert.ok(token.length < 8 || !error.message.includes(token), "the error's message holds the credential")
}

/** The suite for one set of credentials: which ones are good is the subject's to know. */
export const authenticatorCases = ({ good, bad }: Credentials): ReadonlyArray<Case<Authenticator>> => [
  ...good.map(({ title, token, principal }): Case<Authenticator> => ({
    id: `auth.good ${title}`,
    title: "gives the principal, the same each time, without the credential in it",
    run: Effect.gen(function* () {
      Assert.deepEqual(yield* authenticate(token), principal)
      const again = yield* Effect.forEach([1, 2, 3], () => authenticate(token), { concurrency: "unbounded" })
      for (const each of again) Assert.deepEqual(each, principal)
      Assert.ok(principal.tenant.length > 0 && principal.userId.length > 0 && principal.userId.length <= 128)
      Assert.notEqual(principal.tokenId, token)
    }),
  })),
  ...bad.map(({ title, token, reason }): Case<Authenticator> => ({
    id: `auth.bad ${title}`,
    title: `is refused as ${reason}`,
    run: Effect.gen(function* () {
      const error = yield* Effect.flip(authenticate(token))
      checkError(error, token)
      Assert.equal(error.reason, reason)
    }),
  })),
  {
    id: "auth.empty",
    title: "refuses no credential as missing",
    run: Effect.gen(function* () {
      Assert.equal((yield* Effect.flip(authenticate(""))).reason, "missing")
    }),
  },
  {
    id: "auth.hostile",
    title: "refuses texts that are no credentials, of any length, and dies of none",
    run: Effect.gen(function* () {
      for (const token of HOSTILE) {
        const error = yield* Effect.flip(authenticate(token))
        checkError(error, token)
        Assert.ok(
          error.reason === "invalid" || error.reason === "missing",
          `${JSON.stringify(token.slice(0, 20))}: ${error.reason}`,
        )
      }
    }),
  },
  {
    id: "auth.altered",
    title: "refuses a good credential after any change to it",
    run: Effect.gen(function* () {
      for (const { token } of good) {
        const altered = [
          token.slice(0, -2),
          `${token}A`,
          token.slice(1),
          `${token} `,
          token.toUpperCase(),
          token.slice(0, token.length >> 1),
        ]
        for (const other of altered) {
          if (good.some((each) => each.token === other)) continue
          const exit = yield* Effect.exit(authenticate(other))
          Assert.equal(exit._tag, "Failure", `a credential with ${other.length - token.length} more letters is accepted`)
        }
      }
    }),
  },
]
