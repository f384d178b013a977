import { describe, expect, it } from "vitest"
import { retryHint } from "../src/openai/retry-hint.ts"

const NOW = Date.parse("Fri, 20 Nov 2026 12:00:00 GMT")
const hintOf = (headers: Record<string, string>) => retryHint(new Headers(headers), NOW)

describe("the hint of a refusal", () => {
  it.each([
    [{ "retry-after-ms": "1500" }, 1_500],
    [{ "retry-after-ms": "0" }, 0],
    [{ "retry-after-ms": "0.2" }, 1],
    [{ "retry-after": "2" }, 2_000],
    [{ "retry-after": "0.25" }, 250],
    [{ "retry-after": "2m59.56s" }, 179_560],
    [{ "retry-after": "7200" }, 7_200_000],
    [{ "retry-after": "Fri, 20 Nov 2026 12:00:30 GMT" }, 30_000],
    [{ "retry-after": "Fri, 20 Nov 2026 11:00:00 GMT" }, 0],
    [{ "retry-after-ms": "10", "retry-after": "2" }, 10],
    [{ "retry-after-ms": "soon", "retry-after": "2" }, 2_000],
    [{ "retry-after": "2", "x-ratelimit-reset-requests": "9s" }, 2_000],
    [{ "x-ratelimit-reset-requests": "1h2m3.5s" }, 3_723_500],
    [{ "x-ratelimit-reset-tokens": "20ms" }, 20],
    [{ "x-ratelimit-reset-tokens": "12" }, 12_000],
    [{ "x-ratelimit-reset-requests": "8s", "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "0" }, 360_000],
    [{ "x-ratelimit-reset-requests": "8s", "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-requests": "0" }, 8_000],
    [{ "x-ratelimit-reset-requests": "8s", "x-ratelimit-reset-tokens": "6m0s" }, 8_000],
  ])("is read from %o", (headers, expected) => {
    expect(hintOf(headers as Record<string, string>)).toBe(expected)
  })

  it.each([
    {},
    { "retry-after": "" },
    { "retry-after": "-1" },
    { "retry-after": "soon" },
    { "retry-after": "1e9" },
    { "retry-after": "9".repeat(400) },
    { "x-ratelimit-reset-requests": "1s and a bit" },
    { "x-ratelimit-remaining-requests": "0" },
  ])("is absent from %o", (headers) => {
    expect(hintOf(headers as Record<string, string>)).toBeUndefined()
  })
})
