import * as Effect from "effect/Effect"
import { describe, expect, test } from "vitest"
import { devAuthenticator } from "@parley/adapters/jwt"

const { authenticate } = devAuthenticator()

describe("devAuthenticator", () => {
  test.each(["ann", "ann.b@example.com", "A-_.9", "x".repeat(128)])("takes %s at its word", async (userId) => {
    expect(await Effect.runPromise(authenticate(`dev:${userId}`))).toEqual({ tenant: "default", userId, roles: [] })
  })

  test.each([
    ["dev:", "invalid"],
    ["ann", "invalid"],
    ["DEV:ann", "invalid"],
    [" dev:ann", "invalid"],
    ["dev:ann\n", "invalid"],
    ["dev:ann\0", "invalid"],
    ["dev:ann/other", "invalid"],
    ["dev:a:b", "invalid"],
    ["dev:Zoë", "invalid"],
    [`dev:${"x".repeat(129)}`, "invalid"],
    [`dev:${"x".repeat(100_000)}`, "invalid"],
    ["", "missing"],
  ])("refuses %j as %s", async (token, reason) => {
    const error = await Effect.runPromise(Effect.flip(authenticate(token)))
    expect(error).toMatchObject({ _tag: "AuthenticationError", reason })
    expect(error.message.length).toBeLessThan(120)
  })
})
