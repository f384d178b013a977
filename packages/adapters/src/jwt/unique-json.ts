/**
 * A JSON object whose names are distinct. `JSON.parse` takes the last of two equal names and other parsers the first, so
 * with a repeated `sub` two readers of one signed token see two users.
 */

const QUOTE = '"'

/** The names of the outermost object, repeats included. `text` is valid JSON. */
const topLevelNames = (text: string): ReadonlyArray<string> => {
  const names: Array<string> = []
  let depth = 0
  let expectsName = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === QUOTE) {
      const start = at
      for (at++; text[at] !== QUOTE; at++) if (text[at] === "\\") at++
      // Parsed, because an escape spells the same name in another way.
      if (depth === 1 && expectsName) names.push(JSON.parse(text.slice(start, at + 1)) as string)
      expectsName = false
    } else if (char === "{" || char === "[") {
      depth++
      expectsName = depth === 1
    } else if (char === "}" || char === "]") {
      depth--
    } else if (char === ",") {
      expectsName = depth === 1
    }
  }
  return names
}

/** `undefined` when the text is not JSON, not an object, or repeats a name at its top level. */
export const parseObject = (text: string): { readonly [name: string]: unknown } | undefined => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  return topLevelNames(text).length === Object.keys(value).length ? (value as { readonly [name: string]: unknown }) : undefined
}
