import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { makeLocalKeys } from "../../src/engine/local-keys.ts"
import { makeTickets, TICKET_TTL, type Whence } from "../../src/gateway/tickets.ts"
import { oneTimeKeysError } from "../../src/ports/one-time-keys.ts"
import type { EngineError } from "../../src/engine/environment.ts"

const ann = { tenant: "acme", userId: "ann", roles: ["staff"], tokenId: "iss:1", expiresAt: 99 }
const APP = "https://app.example.com"
let made = 0
const system = { randomId: (prefix: string) => `${prefix}${String(++made).padStart(22, "0")}`, random: () => 0, defer: () => {} }
const run = <A>(task: Effect.Effect<A, EngineError>) => Effect.runPromise(Effect.provide(Effect.result(task), TestClock.layer()))

const redeemed = (issuedFrom: Whence, from: Whence, wait = 0) =>
  run(
    Effect.gen(function* () {
      const tickets = makeTickets(system, makeLocalKeys())
      const ticket = yield* tickets.issue(ann, issuedFrom)
      yield* TestClock.adjust(wait)
      return yield* tickets.redeem(ticket, from)
    }),
  )

describe("a ticket", () => {
  it("gives back the whole principal, until its last millisecond", async () => {
    expect(await redeemed({}, {})).toMatchObject({ success: ann })
    expect(await redeemed({}, {}, TICKET_TTL - 1)).toMatchObject({ success: ann })
    expect(await redeemed({}, {}, TICKET_TTL)).toMatchObject({ failure: { code: "unauthenticated" } })
  })

  it("is spent once, also by an attempt from the wrong page", async () => {
    const codes = await run(
      Effect.gen(function* () {
        const tickets = makeTickets(system, makeLocalKeys())
        const codeOf = (ticket: string, whence: Whence) =>
          Effect.match(tickets.redeem(ticket, whence), { onFailure: ({ code }) => code, onSuccess: ({ userId }) => userId })
        const first = yield* tickets.issue(ann, {})
        const second = yield* tickets.issue(ann, { origin: APP })
        return [
          yield* codeOf(first, {}),
          yield* codeOf(first, {}),
          yield* codeOf(second, { origin: "https://evil.example" }),
          yield* codeOf(second, { origin: APP }),
        ]
      }),
    )
    expect(codes).toMatchObject({ success: ["ann", "unauthenticated", "unauthenticated", "unauthenticated"] })
  })

  it("opens for the origin it was made for, and for that page's own host where a browser names no origin", async () => {
    const good: ReadonlyArray<Whence> = [
      { origin: APP },
      { origin: APP, host: "chat.example.com" },
      { host: "app.example.com" },
      { host: "APP.example.com" },
    ]
    for (const whence of good) expect(await redeemed({ origin: APP }, whence)).toMatchObject({ success: ann })
    const bad: ReadonlyArray<Whence> = [
      {},
      { origin: "null" },
      { origin: "https://app.example.com.evil.example" },
      { origin: "http://app.example.com" },
      { origin: "https://evil.example", host: "app.example.com" },
      { host: "evil.example" },
      { host: "example.com" },
      { host: "" },
    ]
    for (const whence of bad)
      expect(await redeemed({ origin: APP }, whence)).toMatchObject({ failure: { code: "unauthenticated" } })
  })

  it("is refused without a look when it is none", async () => {
    const keys = { put: () => Effect.void, take: () => Effect.die("looked") }
    const tickets = makeTickets(system, keys)
    for (const text of ["", "tkt_", "dev:ann", `tkt_${"x".repeat(23)}`, `tkt_${"x".repeat(21)}\n`])
      expect(await run(tickets.redeem(text, {}))).toMatchObject({ failure: { code: "unauthenticated" } })
  })

  it("is not to be had while its keeper fails, or has no room for another", async () => {
    const down = Effect.fail(oneTimeKeysError("no keeper"))
    const tickets = makeTickets(system, { put: () => down, take: () => down })
    const unavailable = { failure: { code: "authentication_unavailable" } }
    expect(await run(tickets.issue(ann, {}))).toMatchObject(unavailable)
    expect(await run(tickets.redeem(`tkt_${"x".repeat(22)}`, {}))).toMatchObject(unavailable)
    const full = makeTickets(system, makeLocalKeys(2))
    const asked = Effect.gen(function* () {
      yield* full.issue(ann, {})
      yield* full.issue(ann, {})
      const third = yield* Effect.flip(full.issue(ann, {}))
      yield* TestClock.adjust(TICKET_TTL)
      return [third.code, typeof (yield* full.issue(ann, {}))]
    })
    expect(await run(asked as Effect.Effect<ReadonlyArray<string>, EngineError>)).toMatchObject({
      success: ["authentication_unavailable", "string"],
    })
  })
})
