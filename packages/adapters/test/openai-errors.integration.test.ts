/** What a server says when it fails, and the class that the engine gets: guided by what the server said, not by what the SDK makes of it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { FakeFault, FakeOpenAi } from "@parley/testkit"
import { APIS, KEY, listen, makeFakes, providerOf, REQUEST } from "./openai-support.ts"

const fakes = makeFakes()
let fake: FakeOpenAi
beforeEach(async () => {
  fake = await fakes.start()
})
afterEach(fakes.end)

type Status = Omit<Extract<FakeFault, { readonly type: "status" }>, "type">
type StreamError = Omit<Extract<FakeFault, { readonly type: "stream_error" }>, "type" | "after">

const REFUSALS: ReadonlyArray<readonly [string, Status, object]> = [
  [
    "a rate limit",
    { status: 429, code: "rate_limit_exceeded", errorType: "requests", headers: { "retry-after": "20" } },
    { class: "throttled", retryAfterMs: 20_000 },
  ],
  [
    "a rate limit in milliseconds",
    { status: 429, headers: { "retry-after-ms": "1500", "retry-after": "2" } },
    { class: "throttled", retryAfterMs: 1_500 },
  ],
  [
    "a rate limit that names its reset",
    { status: 429, headers: { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s" } },
    { class: "throttled", retryAfterMs: 360_000 },
  ],
  ["a rate limit without a hint", { status: 429, code: "rate_limit_exceeded" }, { class: "throttled" }],
  ["a plea to slow down", { status: 503, code: "slow_down" }, { class: "throttled" }],
  ["an exhausted quota, by its type", { status: 429, errorType: "insufficient_quota" }, { class: "unusable" }],
  ...[
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
  ].map((code) => [`429 ${code}`, { status: 429, code, headers: { "retry-after": "1" } }, { class: "unusable" }] as const),
  ["a wrong key", { status: 401, code: "invalid_api_key" }, { class: "unusable" }],
  ["a forbidden region", { status: 403, code: "unsupported_country_region_territory" }, { class: "unusable" }],
  ["an unknown model", { status: 404, code: "model_not_found" }, { class: "unusable" }],
  ["a path that is none", { status: 404, body: "<html>not found</html>" }, { class: "unusable" }],
  ["an empty account", { status: 402 }, { class: "unusable" }],
  ["a redirection", { status: 307, headers: { location: "http://127.0.0.1:1/v1/chat/completions" } }, { class: "unusable" }],
  ["a text that is too long", { status: 400, code: "context_length_exceeded" }, { class: "too_big" }],
  [
    "a text that is too long, in a compatible server's words",
    { status: 400, errorType: "BadRequestError", code: "400", message: "This model's maximum context length is 8192 tokens." },
    { class: "too_big" },
  ],
  ["a body that is too big", { status: 413 }, { class: "too_big" }],
  ["a policy", { status: 400, code: "content_policy_violation" }, { class: "blocked" }],
  ["a filter", { status: 400, code: "content_filter" }, { class: "blocked" }],
  ["a request that is wrong", { status: 400, code: "invalid_value" }, { class: "invalid" }],
  ["a request that cannot be processed", { status: 422, body: '{"detail":[{"msg":"field required"}]}' }, { class: "invalid" }],
  ...[408, 409, 500, 502, 503, 504, 529].map(
    (status) => [`a passing trouble, ${status}`, { status }, { class: "transient" }] as const,
  ),
  [
    "overload, with a hint",
    { status: 503, code: "server_is_overloaded", headers: { "retry-after": "3" } },
    { class: "transient", retryAfterMs: 3_000 },
  ],
  [
    "a proxy's page",
    { status: 502, body: "<html>Bad Gateway</html>", headers: { "content-type": "text/html" } },
    { class: "transient" },
  ],
  ["an error in a list", { status: 429, body: '[{"error":{"code":"insufficient_quota"}}]' }, { class: "unusable" }],
  ["an error that is a text", { status: 404, body: '{"error":"model not found"}' }, { class: "unusable" }],
  ["an error without a body", { status: 500, body: "" }, { class: "transient" }],
]

const STREAM_ERRORS: ReadonlyArray<readonly [string, StreamError, string, string]> = [
  ["server_error", { code: "server_error" }, "transient", "interrupted"],
  ["an error without a code", {}, "transient", "interrupted"],
  ["a status where the code belongs", { code: 502, errorType: "upstream" }, "transient", "interrupted"],
  ["rate_limit_exceeded", { code: "rate_limit_exceeded" }, "throttled", "throttled"],
  ["insufficient_quota", { code: "insufficient_quota" }, "unusable", "unusable"],
  ["context_length_exceeded", { code: "context_length_exceeded" }, "too_big", "too_big"],
  ["content_filter", { code: "content_filter" }, "blocked", "blocked"],
]

describe.each(APIS)("%s", (api) => {
  it.each(REFUSALS)("%s is classified by what the server said", async (_what, status, expected) => {
    fake.script({ fault: { type: "status", ...status } })
    const { events, error } = await listen(providerOf(fake, { api }))
    expect(events).toEqual([])
    const { _tag, message, ...rest } = error as NonNullable<typeof error>
    expect(rest).toEqual(expected)
    // One attempt, whatever the SDK would have done by itself.
    expect(fake.requests).toHaveLength(1)
    expect([_tag, message.length < 200]).toEqual(["AiError", true])
  })

  it.each(STREAM_ERRORS)(
    "%s inside the stream is a class of its own before text and after it",
    async (_what, words, before, after) => {
      // Without a code Chat Completions names a type at least, and a wrong request is what it names.
      const unnamed = words.code === undefined ? { errorType: "server_error" } : {}
      fake.script(
        { fault: { type: "stream_error", after: 0, ...unnamed, ...words } },
        { fault: { type: "stream_error", after: 2, ...unnamed, ...words } },
      )
      expect(await listen(providerOf(fake, { api }))).toMatchObject({ text: "", error: { class: before } })
      expect(await listen(providerOf(fake, { api }))).toMatchObject({ text: "Grüße, 世界 ", error: { class: after } })
    },
  )

  it("an event that is no JSON fails the answer, before text and after it", async () => {
    fake.script({ fault: { type: "garbage", after: 0 } }, { fault: { type: "garbage", after: 1 } })
    expect(await listen(providerOf(fake, { api }))).toMatchObject({ text: "", error: { class: "transient" } })
    expect(await listen(providerOf(fake, { api }))).toMatchObject({ text: "Grüße", error: { class: "interrupted" } })
  })

  it("a connection that is refused, or hung up on, is transient", async () => {
    fake.script({ fault: { type: "hang_up" } })
    expect(await listen(providerOf(fake, { api }))).toMatchObject({ events: [], error: { class: "transient" } })
    await fake.refuse()
    const { error } = await listen(providerOf(fake, { api }))
    expect(error).toEqual({ _tag: "AiError", class: "transient", message: "the server cannot be reached: ECONNREFUSED" })
  })

  it("a server that does not accept the request in time is transient", async () => {
    fake.script({ fault: { type: "stall", before: "headers" } })
    expect(await listen(providerOf(fake, { api, timeoutMs: 50 }))).toMatchObject({ events: [], error: { class: "transient" } })
    expect(await fake.requests[0]?.closed).toBe("aborted")
  })

  it("a refusal and a filter are blocked, whatever was said before", async () => {
    for (const finish of ["content_filter", "refusal"] as const) {
      fake.script({ finish }, { finish, deltas: [] })
      expect((await listen(providerOf(fake, { api }))).error?.class).toBe("blocked")
      expect((await listen(providerOf(fake, { api }))).error?.class).toBe("blocked")
    }
  })

  it("no message holds the key, the conversation or the server's words, although the server quotes them all", async () => {
    const quoting = `${KEY} ${JSON.stringify(REQUEST)} CanaryOfTheServer`
    const provider = providerOf(fake, { api })
    const faults: ReadonlyArray<FakeFault> = [
      ...REFUSALS.map(([, status]) => ({ type: "status" as const, ...status, message: quoting })),
      { type: "status", status: 500, body: quoting },
      { type: "status", status: 401, code: KEY, errorType: quoting, message: quoting, headers: { "x-request-id": KEY } },
      { type: "stream_error", after: 1, code: KEY, errorType: quoting, message: quoting },
      { type: "stream_error", after: 0, message: quoting },
    ]
    for (const fault of faults) {
      fake.script({ fault })
      const { error } = await listen(provider)
      expect(error?._tag).toBe("AiError")
      expect(JSON.stringify(error)).not.toMatch(/Canary/u)
      expect(error).not.toHaveProperty("cause")
    }
  })
})
