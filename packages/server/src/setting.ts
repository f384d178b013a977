/**
 * How one environment variable is read. A reader gets text that is neither empty nor padded, and gives a value, or a sentence about what
 * is wrong with it that does not repeat it.
 */
export type Read<A> = { readonly value: A } | { readonly problem: string }

export interface Setting<A> {
  readonly name: string
  /** What it does: stands in docs/configuration.md. */
  readonly meaning: string
  /** What may stand there, for people. */
  readonly allowed: string
  /** Read when the variable is absent or empty; without it the setting is then absent. */
  readonly fallback?: string
  /** Its value is never shown, and an empty one is refused: whoever sets it means something. */
  readonly secret?: true
  readonly read: (text: string) => Read<A>
}

const DIGITS = /^(0|[1-9][0-9]{0,15})$/u
const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/gu, ",")

type Reader<A> = Pick<Setting<A>, "allowed" | "read">

export const wholeNumber = (min: number, max: number): Reader<number> => {
  const allowed = `a whole number from ${grouped(min)} to ${grouped(max)}`
  return {
    allowed,
    read: (text) => {
      const value = DIGITS.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? { value } : { problem: `must be ${allowed}` }
    },
  }
}

const UNITS: { readonly [unit: string]: number } = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const DURATION = /^(0|[1-9][0-9]{0,11})(ms|s|m|h|d)?$/u

const shown = (ms: number): string => {
  if (ms === 0) return "0"
  const unit = ["d", "h", "m", "s"].find((name) => ms % (UNITS[name] as number) === 0)
  return unit === undefined ? `${ms}ms` : `${ms / (UNITS[unit] as number)}${unit}`
}

/** Milliseconds. */
export const duration = (min: number, max: number): Reader<number> => {
  const allowed = `milliseconds, or a number with ms, s, m, h or d, from ${shown(min)} to ${shown(max)}`
  return {
    allowed,
    read: (text) => {
      const [, digits, unit = "ms"] = DURATION.exec(text) ?? []
      const value = Number(digits) * (UNITS[unit] as number)
      return value >= min && value <= max ? { value } : { problem: `must be ${allowed}` }
    },
  }
}

/** `later` are choices of the design that this version does not have: whoever asks for one is told so instead of "unknown". */
export const oneOf = <const A extends string>(choices: ReadonlyArray<A>, later: ReadonlyArray<string> = []): Reader<A> => {
  const allowed = choices.join(", ")
  return {
    allowed,
    read: (text) => {
      const value = choices.find((choice) => choice === text)
      if (value !== undefined) return { value }
      return {
        problem: later.includes(text) ? `is not available in this version; available: ${allowed}` : `must be one of: ${allowed}`,
      }
    },
  }
}

export const anyText = (allowed: string, max = 4_096): Reader<string> => ({
  allowed,
  read: (value) =>
    value.length <= max && value.isWellFormed() && !value.includes("\0")
      ? { value }
      : { problem: `must be ${allowed}, without NUL and at most ${grouped(max)} characters` },
})
