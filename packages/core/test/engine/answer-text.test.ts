import { wellFormedText } from "@parley/testkit"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { makeAnswerText } from "../../src/engine/answers/answer-text.ts"

const whole = { maxLength: 1_000_000, maxDelta: 1_000_000 }

/** A text cut between any two UTF-16 units, pairs included. */
const pieces = (text: string, cuts: ReadonlyArray<number>): ReadonlyArray<string> => {
  const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length]
  return at.slice(1).map((end, i) => text.slice(at[i], end))
}
const anyCode = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units))
const surrogates = fc
  .array(fc.constantFrom("\ud83d", "\ude00", "\0", "a", "😀", "é"), { maxLength: 30 })
  .map((parts) => parts.join(""))

describe("the text of an answer", () => {
  it("is what the provider sent, however it was cut into pieces", () => {
    fc.assert(
      fc.property(wellFormedText({ maxLength: 200 }), fc.array(fc.nat(), { maxLength: 20 }), (text, cuts) => {
        const answer = makeAnswerText(whole)
        for (const piece of pieces(text, cuts)) answer.append(piece)
        answer.finish()
        expect(answer.text()).toBe(text)
      }),
    )
  })

  it("is well-formed and without NUL at every moment, whatever the provider sends", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(surrogates, anyCode), { maxLength: 20 }),
        fc.integer({ min: 1, max: 40 }),
        (parts, maxLength) => {
          const answer = makeAnswerText({ maxLength, maxDelta: 5 })
          for (const part of parts) {
            answer.append(part)
            expect(answer.text().isWellFormed()).toBe(true)
            expect(answer.text()).not.toContain("\0")
            expect(answer.text().length).toBeLessThanOrEqual(maxLength)
          }
          answer.finish()
          expect(answer.text().isWellFormed()).toBe(true)
          expect(answer.text().length).toBeLessThanOrEqual(maxLength)
        },
      ),
      { numRuns: 500 },
    )
  })

  it("is taken in deltas that lie end to end, are bounded, and never end inside a pair", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(surrogates, wellFormedText({ maxLength: 30 })), { maxLength: 15 }),
        fc.integer({ min: 2, max: 9 }),
        (parts, maxDelta) => {
          const answer = makeAnswerText({ maxLength: 200, maxDelta })
          let shown = ""
          const take = (): void => {
            for (let piece = answer.take(); piece !== undefined; piece = answer.take()) {
              expect(piece.offset).toBe(shown.length)
              expect(piece.text.length).toBeGreaterThan(0)
              expect(piece.text.length).toBeLessThanOrEqual(maxDelta)
              expect(piece.text.isWellFormed()).toBe(true)
              shown += piece.text
            }
            expect(shown).toBe(answer.text())
            expect(answer.taken()).toBe(shown.length)
          }
          for (const [i, part] of parts.entries()) {
            answer.append(part)
            if (i % 2 === 0) take()
          }
          answer.finish()
          take()
        },
      ),
      { numRuns: 500 },
    )
  })

  it("keeps the first half of a pair until the other comes, and replaces it when none does", () => {
    const answer = makeAnswerText(whole)
    answer.append("a\ud83d")
    expect(answer.text()).toBe("a")
    answer.append("\ude00b")
    expect(answer.text()).toBe("a😀b")
    answer.append("\ud83d")
    answer.finish()
    expect(answer.text()).toBe("a😀b\ufffd")
  })

  it("says when it is full, and drops what exceeds the bound without breaking a pair", () => {
    const answer = makeAnswerText({ maxLength: 4, maxDelta: 10 })
    expect(answer.append("abc")).toBe(false)
    expect(answer.append("😀😀")).toBe(true)
    expect(answer.text()).toBe("abc")
    const exact = makeAnswerText({ maxLength: 4, maxDelta: 10 })
    expect(exact.append("abcd")).toBe(true)
    expect(exact.append("e")).toBe(true)
    expect(exact.text()).toBe("abcd")
  })
})
