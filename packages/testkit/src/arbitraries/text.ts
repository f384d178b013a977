/** Text as strangers send it: what every adapter must give back unchanged, and what the one text rule refuses. */
import * as fc from "fast-check"

export interface TextOptions {
  /** UTF-16 code units. */
  readonly minLength?: number
  readonly maxLength?: number
}

/** Each of these has broken some store, some length check or some renderer. */
const ODD_TEXTS: ReadonlyArray<string> = [
  "👩‍👩‍👧‍👦 👍🏽 🏴‍☠️ 🇩🇪",
  "שלום \u202Eevil\u202C שָׁלוֹם العربية",
  "Z\u0351\u036B\u0343a\u0300\u0301\u0302l\u0334\u0335g\u0336o\u0337",
  "e\u0301 and \u00E9 are not one string",
  "İstanbul ıI ß ẞ ﬁ ǆ",
  "\u{10FFFF}\u{1F600}\u{20000}",
  "\uFFFD\uFFFE\uFFFF",
  "\uFEFFbegins with a byte order mark",
  "lines\r\nlines\u2028lines\u2029lines\u0085",
  "\u0001\u0007\u001B[31m\u007F\u009F",
  "\u200B\u200C\u200D\u2060\u00AD",
  "   ",
  "'; DROP TABLE messages; -- \\ % _ $1 ? :name",
  '{"type":"reply","id":"1"}',
  "\\u0000 \\ud800 \\x00",
  "data: x\n\nevent: error\n\n",
  "<img src=x onerror=alert(1)>&amp;<!--",
  "{{constructor.constructor('return 1')()}} ${1+1} %s %n",
]

/** Cut to length without leaving half of a surrogate pair. */
const cut = (text: string, maxLength: number): string => {
  const shorter = text.slice(0, maxLength)
  return shorter.isWellFormed() ? shorter : shorter.slice(0, -1)
}

/** Well-formed and without NUL. Now and then as long as allowed. */
export const wellFormedText = ({ minLength = 1, maxLength = 5_000 }: TextOptions = {}): fc.Arbitrary<string> => {
  const short = Math.min(maxLength, 40)
  const graphemes = fc.string({ unit: "grapheme", minLength, maxLength: short })
  const anyCodePoint = fc.string({ unit: "binary", minLength, maxLength: short })
  const odd = fc.array(fc.constantFrom(...ODD_TEXTS), { minLength: 1, maxLength: 3 }).map((texts) => texts.join(" "))
  const long = fc
    .tuple(fc.constantFrom("a", "é", "漢", "😀", "a\u0301", "👩‍👩‍👧‍👦"), fc.integer({ min: 0, max: 2 }))
    .map(([unit, less]) => unit.repeat(Math.ceil(maxLength / unit.length)).slice(0, maxLength - less))
  return fc
    .oneof(
      { weight: 6, arbitrary: graphemes },
      { weight: 3, arbitrary: odd },
      { weight: 3, arbitrary: anyCodePoint },
      { weight: 1, arbitrary: long },
    )
    .map((text) => cut(text.replaceAll("\0", ""), maxLength))
    .filter((text) => text.length >= minLength)
}

const ILL_FORMED: ReadonlyArray<string> = ["\0", "\uD800", "\uDBFF", "\uDC00", "\uDFFF", "\uDE00\uD83D", "\uD83D\uD83D\uDE00"]

/** With NUL or a lone surrogate somewhere: at the start, at the end, or between. */
export const illFormedText = (): fc.Arbitrary<string> =>
  fc.tuple(wellFormedText({ minLength: 0, maxLength: 60 }), fc.constantFrom(...ILL_FORMED), fc.nat()).map(([text, flaw, at]) => {
    const points = Array.from(text)
    return points.toSpliced(at % (points.length + 1), 0, flaw).join("")
  })
