/** What the kit makes of cases and subjects, whatever the port. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import { runCases, type Case, type Subject } from "@parley/testkit"
import { plan } from "../src/conformance/case.ts"

class Counter extends Context.Service<Counter, { count: number }>()("test/Counter") {}

const increments = Counter.use((counter) => Effect.sync(() => void (counter.count += 1)))
const cases: ReadonlyArray<Case<Counter, "fly" | "swim">> = [
  {
    id: "fresh",
    title: "starts at nought",
    run: Effect.gen(function* () {
      yield* increments
      const { count } = yield* Counter
      if (count !== 1) throw new Error(`count is ${count}`)
    }),
  },
  { id: "fails", title: "fails", run: Effect.fail("no") },
  { id: "dies", title: "dies", run: Effect.die(new Error("no")) },
  { id: "needs", title: "flies and swims", needs: ["fly", "swim"], run: Effect.void },
  { id: "layer", title: "builds itself", run: (layer) => Effect.provide(increments, layer) },
]
const subject: Subject<Counter, "fly" | "swim"> = {
  name: "subject",
  layer: () => Layer.sync(Counter, () => ({ count: 0 })),
}

const outcomes = async (changes: Partial<Subject<Counter, "fly" | "swim">> = {}) => {
  const results = await runCases("Counter", [...cases, ...cases.map((each) => ({ ...each, id: `${each.id}2` }))], {
    ...subject,
    ...changes,
  })
  return Object.fromEntries(results.slice(0, cases.length).map(({ id, outcome }) => [id, outcome]))
}

describe("runCases", () => {
  it("gives each case a fresh subject and tells what became of it", async () => {
    expect(await outcomes()).toEqual({ fresh: "passed", fails: "failed", dies: "failed", needs: "skipped", layer: "passed" })
  })

  it("runs a case whose capabilities are all there", async () => {
    expect((await outcomes({ can: { fly: true } })).needs).toBe("skipped")
    expect((await outcomes({ can: { fly: true, swim: false } })).needs).toBe("skipped")
    expect((await outcomes({ can: { fly: true, swim: true } })).needs).toBe("passed")
  })

  it("wants a deviation to fail", async () => {
    const deviations = [
      { id: "fails", reason: "known" },
      { id: "fresh", reason: "mended long ago" },
    ]
    const result = await outcomes({ deviations })
    expect([result.fails, result.fresh]).toEqual(["deviated", "failed"])
  })

  it("counts a subject that cannot be built as failed", async () => {
    expect((await outcomes({ layer: () => Layer.effect(Counter, Effect.fail("no database")) })).fresh).toBe("failed")
  })
})

describe("plan", () => {
  it("says in the title why a case is skipped or must fail", () => {
    const deviations = [{ id: "fails", reason: "no disk" }]
    const planned = plan("Counter", cases, { ...subject, can: { swim: true }, deviations })
    expect(planned.map(({ title, expect: verdict }) => [title, verdict])).toEqual([
      ["fresh starts at nought", "pass"],
      ["fails fails [deviates: no disk]", "fail"],
      ["dies dies", "pass"],
      ["needs flies and swims [needs fly]", "skip"],
      ["layer builds itself", "pass"],
    ])
  })

  it("throws for a deviation from a case that is not there, and for two cases of one id", () => {
    const deviations = [{ id: "gone", reason: "was renamed" }]
    expect(() => plan("Counter", cases, { ...subject, deviations })).toThrow(/deviates from gone, which Counter does not have/)
    expect(() => plan("Counter", [...cases, ...cases], subject)).toThrow(/two cases with the id fresh/)
  })
})
