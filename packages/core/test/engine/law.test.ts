/** G2, G4, G5, G7, G8, G10: the law over random lives of the real engine, hub and gateway. */
import { type History, history } from "@parley/testkit"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { live, type LifeOptions } from "../support/life.ts"
import { makeMarks } from "../support/marks.ts"

const lives: fc.Arbitrary<LifeOptions> = fc.record({
  seed: fc.nat(),
  kind: fc.constantFrom("session" as const, "private" as const),
  narrow: fc.boolean(),
  failing: fc.constantFrom(0, 0, 0.05),
  history: fc
    .array(history({ users: 3, readers: 3, maxCommands: 30 }), { minLength: 2, maxLength: 4 })
    .map(([first, ...rest]) => ({
      ...(first as History),
      commands: [first as History, ...rest].flatMap(({ commands }) => commands),
    })),
})

/** LAW_RUNS=20000 hunts longer. */
const RUNS = Number(process.env["LAW_RUNS"] ?? 1_000)

const SOMETIMES = [
  "resync too_far_behind",
  "resync epoch_changed",
  "resync unknown_cursor",
  "window",
  "window cut",
  "page cut",
  "live change",
  "delta",
  "gap repaired for a live reader",
  "slow reader left live mode",
  "snapshot goes on in the middle",
  "unsubscribed",
  "taken over",
  "regenerated",
  "a node stopped in order",
  "a node was paused for longer than its leases",
  "the text of an open answer was shown to its end",
  "stop came before a completion",
  "completion came before a stop",
  "answer complete",
  "answer stopped",
  "answer failed",
  "answer interrupted",
  "answer blocked",
]

describe("over random lives on two nodes, with a faulty bus, slow networks, crashes and readers that switch transports", () => {
  const marks = makeMarks()
  it("every reader holds what the law says at every position, and all stand at the head once things are well", () => {
    fc.assert(
      fc.property(lives, (options) => {
        const { violations, problems } = live(options, marks)
        expect(violations).toEqual([])
        expect(problems).toEqual([])
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: 280_000, markInterruptAsFailure: true },
    )
  }, 300_000)

  it("every interesting event came in them", () => {
    expect(SOMETIMES.filter((mark) => !marks.counts.has(mark))).toEqual([])
  })
})
