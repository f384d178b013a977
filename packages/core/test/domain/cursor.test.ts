import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatCursor, parseCursor } from "../../src/domain/cursor.ts"

const anEpoch = fc.stringMatching(/^[0-9A-Za-z]{1,32}$/u)
const aChange = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER))

describe("a cursor", () => {
  it("comes back from its text", () => {
    fc.assert(
      fc.property(anEpoch, aChange, (epoch, change) => {
        expect(parseCursor(formatCursor({ epoch, change }))).toEqual({ epoch, change })
      }),
    )
  })

  it("has one spelling: what parses is what formatting writes", () => {
    const nearly = fc.tuple(anEpoch, fc.constantFrom(".", "..", ",", ""), fc.stringMatching(/^[-+]?0{0,2}[0-9]{0,20}$/u))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          nearly.map((parts) => parts.join("")),
        ),
        (text) => {
          const cursor = parseCursor(text)
          if (cursor !== undefined) expect(formatCursor(cursor)).toBe(text)
        },
      ),
    )
  })

  it("is written epoch, dot, change", () => {
    expect(formatCursor({ epoch: "e7K", change: 42 })).toBe("e7K.42")
  })

  for (const [why, text] of [
    ["nothing", ""],
    ["no dot", "e1"],
    ["no epoch", ".1"],
    ["no change", "e1."],
    ["two dots", "e1.2.3"],
    ["a negative change", "e1.-1"],
    ["a signed change", "e1.+1"],
    ["a leading zero", "e1.01"],
    ["a fraction", "e1.1.5"],
    ["an exponent", "e1.1e3"],
    ["hexadecimal", "e1.0x1"],
    ["a change above what a double counts", "e1.9007199254740992"],
    ["a change of 17 digits", "e1.10000000000000000"],
    ["other digits", "e1.١"],
    ["an epoch of 33 characters", `${"e".repeat(33)}.1`],
    ["punctuation in the epoch", "e-1.1"],
    ["a letter beyond ASCII in the epoch", "é.1"],
    ["a blank before", " e1.1"],
    ["a blank after", "e1.1 "],
    ["a line end after", "e1.1\n"],
    ["NUL", "e1.1\0"],
  ] as const)
    it(`does not parse from ${why}`, () => {
      expect(parseCursor(text)).toBeUndefined()
    })
})
