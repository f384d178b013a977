import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type History, history } from "../src/arbitraries/history.ts"
import type { ViolationKind } from "../src/model/violation.ts"
import { FLAWS, type Flaw, World } from "./model-world.ts"

/** Every kind of violation found in one random life, checked after each command as well as at its end. */
const violationsOf = (life: History, flaw?: Flaw): ReadonlySet<ViolationKind> => {
  const world = new World(life, flaw)
  const found = life.commands.flatMap((command) => {
    world.run(command)
    return world.check()
  })
  return new Set([...found, ...world.settle()].map(({ kind }) => kind))
}

/** What each flaw must be found as, at the least; what follows from it may be found besides. */
const FOUND_AS: Record<Flaw, ViolationKind> = {
  "skips a gap": "live_order",
  "delivers twice": "live_order",
  "page leaves an item out": "outdated",
  "window leaves reactions out": "missing",
  "window comes silently": "silent_window",
  "reads an old version": "page_malformed",
  "no heads at the end": "positions_differ",
  "seq for an edit": "identity_changed",
  "completes after a stop": "stop_lost",
  "edits a tombstone": "tombstone_changed",
  "ends twice": "terminal_changed",
  "splices two owners": "text_diverges",
  "text after the end": "text_after_terminal",
  "serves who has left": "not_subscribed",
}

describe("over random lives, with a bus that drops, repeats and reorders and readers that come and go", () => {
  it("a server that keeps its promises breaks none", () => {
    fc.assert(
      fc.property(history({ maxCommands: 60 }), (life) => {
        expect([...violationsOf(life)]).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  for (const flaw of FLAWS)
    it(`one that ${flaw} is found out: ${FOUND_AS[flaw]}`, () => {
      const lives = fc.sample(history({ maxCommands: 60 }), { numRuns: 200, seed: 7 })
      expect(lives.some((life) => violationsOf(life, flaw).has(FOUND_AS[flaw]))).toBe(true)
    })
})
