/**
 * The text of an answer while it grows: repaired, bounded, and cut into deltas. Plain and synchronous: it runs for every piece a provider sends.
 *
 * Invariants: what was taken is a prefix of `text()`; no delta ends inside a surrogate pair; deltas lie end to end.
 */
import { repairText } from "../../protocol/text-rule.ts"

export interface TextPiece {
  readonly offset: number
  readonly text: string
}

export interface AnswerText {
  /** Adds a provider's piece. `true` once the bound is reached: what exceeds it is dropped. */
  readonly append: (piece: string) => boolean
  /** The next delta, at most `maxDelta` long; `undefined` when everything was taken. */
  readonly take: () => TextPiece | undefined
  /** Half a pair that no other half will follow becomes U+FFFD. */
  readonly finish: () => void
  readonly text: () => string
  /** How much was taken: what readers may have seen. */
  readonly taken: () => number
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

export const makeAnswerText = (bounds: { readonly maxLength: number; readonly maxDelta: number }): AnswerText => {
  let text = ""
  let taken = 0
  /** A trailing high surrogate waits for its other half, which providers may send in the next piece. */
  let half = ""

  const add = (clean: string): boolean => {
    const room = bounds.maxLength - text.length
    if (clean.length <= room) {
      text += clean
      return text.length === bounds.maxLength
    }
    text += clean.slice(0, isHigh(clean.charCodeAt(room - 1)) ? room - 1 : room)
    return true
  }

  return {
    append: (piece) => {
      const joined = half + piece
      const open = joined !== "" && isHigh(joined.charCodeAt(joined.length - 1))
      half = open ? joined.slice(-1) : ""
      return add(repairText(open ? joined.slice(0, -1) : joined))
    },
    take: () => {
      if (taken === text.length) return undefined
      let end = Math.min(text.length, taken + bounds.maxDelta)
      if (end < text.length && isHigh(text.charCodeAt(end - 1))) end -= 1
      const piece = { offset: taken, text: text.slice(taken, end) }
      taken = end
      return piece
    },
    finish: () => {
      if (half === "") return
      half = ""
      add("\uFFFD")
    },
    text: () => text,
    taken: () => taken,
  }
}
