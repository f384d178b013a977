/**
 * When a server wants to be asked again, from its headers. The most exact one wins: `retry-after-ms`, then `retry-after` (seconds or a
 * date), then the resets of the rate limits.
 */
export interface HeadersLike {
  readonly get: (name: string) => string | null
}

const UNITS: { readonly [unit: string]: number } = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const NUMBER = /^\d{1,12}(\.\d{1,9})?$/u
/** Such as `6m0s`, `1h2m3.5s`, `20ms`. */
const DURATION = /^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h|d))+$/u
const DURATION_PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/gu

const numberOf = (text: string | null | undefined): number | undefined => {
  const trimmed = text?.trim() ?? ""
  return NUMBER.test(trimmed) ? Number(trimmed) : undefined
}

/** A number alone counts seconds. */
const durationOf = (text: string | null): number | undefined => {
  const trimmed = text?.trim() ?? ""
  const seconds = numberOf(trimmed)
  if (seconds !== undefined) return seconds * 1_000
  if (!DURATION.test(trimmed)) return undefined
  let total = 0
  for (const [, amount, unit] of trimmed.matchAll(DURATION_PART)) total += Number(amount) * (UNITS[unit as string] as number)
  return total
}

/** A date has letters; without them it is another server's number, not a year. */
const untilDate = (text: string | null, now: number): number | undefined => {
  const at = text !== null && /[a-z]/iu.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

/**
 * The limit that is used up tells when; with none of them at 0 the nearest reset does, because the others were not what refused.
 */
const untilReset = (headers: HeadersLike): number | undefined => {
  const limits = ["requests", "tokens"].flatMap((what) => {
    const reset = durationOf(headers.get(`x-ratelimit-reset-${what}`))
    return reset === undefined ? [] : [{ reset, usedUp: numberOf(headers.get(`x-ratelimit-remaining-${what}`)) === 0 }]
  })
  const usedUp = limits.filter((limit) => limit.usedUp)
  if (usedUp.length > 0) return Math.max(...usedUp.map(({ reset }) => reset))
  return limits.length === 0 ? undefined : Math.min(...limits.map(({ reset }) => reset))
}

/** Whole milliseconds, never negative; `now` in milliseconds since the Unix epoch. The hint is passed on in full, however long. */
export const retryHint = (headers: HeadersLike, now: number): number | undefined => {
  const retryAfter = headers.get("retry-after")
  const hint =
    numberOf(headers.get("retry-after-ms")) ?? durationOf(retryAfter) ?? untilDate(retryAfter, now) ?? untilReset(headers)
  return hint === undefined ? undefined : Math.ceil(hint)
}
