/**
 * The one rule for text of strangers, on raw JSON before any schema looks at it: stores differ in what they refuse or silently change
 * (NUL, lone surrogates, deep nesting), so none of it gets that far.
 */
export interface TextProblem {
  /** JSON pointer of the value, or of the object whose key is at fault. */
  readonly path: string
  readonly problem: string
}

const MAX_DEPTH = 16
const MAX_KEYS = 64
const MAX_KEY_LENGTH = 128
/** Names that reach an object's prototype when some later code copies keys without care. */
const RESERVED = new Set(["__proto__", "constructor", "prototype"])

/** NUL or a lone surrogate: what the rule refuses in people's text. */
export const isCleanText = (text: string): boolean => text.isWellFormed() && !text.includes("\0")

/** A provider's text is repaired instead, before it gets offsets. */
export const repairText = (text: string): string => (isCleanText(text) ? text : text.toWellFormed().replaceAll("\0", ""))

/** One token of a JSON pointer. */
export const pointer = (parent: string, key: string | number): string =>
  `${parent}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`

export const findTextProblem = (value: unknown): TextProblem | undefined => inspect(value, undefined, 0)

/** The path is put together only on the way back from a fault: clean input, the usual case, builds no string. */
const inspect = (value: unknown, key: string | number | undefined, depth: number): TextProblem | undefined => {
  if (typeof value === "string") return isCleanText(value) ? undefined : at(key, "holds NUL or a lone surrogate")
  if (typeof value === "number") return Number.isFinite(value) ? undefined : at(key, "is not a finite number")
  if (typeof value !== "object" || value === null) return undefined
  if (depth === MAX_DEPTH) return at(key, `is nested deeper than ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = inspect(value[i], i, depth + 1)
      if (found !== undefined) return within(key, found)
    }
    return undefined
  }
  const keys = Object.keys(value)
  if (keys.length > MAX_KEYS) return at(key, `has more than ${MAX_KEYS} keys`)
  for (const name of keys) {
    if (name.length > MAX_KEY_LENGTH) return at(key, `has a key longer than ${MAX_KEY_LENGTH}`)
    if (!isCleanText(name)) return at(key, "has a key with NUL or a lone surrogate")
    if (RESERVED.has(name)) return at(key, `has the reserved key ${name}`)
    const found = inspect((value as Record<string, unknown>)[name], name, depth + 1)
    if (found !== undefined) return within(key, found)
  }
  return undefined
}

const at = (key: string | number | undefined, problem: string): TextProblem => ({
  path: key === undefined ? "" : pointer("", key),
  problem,
})

const within = (key: string | number | undefined, inner: TextProblem): TextProblem =>
  key === undefined ? inner : { path: pointer("", key) + inner.path, problem: inner.problem }
