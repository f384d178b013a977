import { describe, expect, it } from "vitest"
import { type AttemptEnd, expiredTimer, mayFailOver, outcomeOf, verdictOf } from "../../src/engine/answers/judge.ts"
import { AI_ERROR_CLASSES, type AiErrorClass } from "../../src/ports/ai-provider.ts"

const error = (errorClass: AiErrorClass): AttemptEnd => ({ type: "error", class: errorClass, message: "as told" })

/** Every end of an attempt: its name on the answer, whether another provider may try, and how the answer ends with and without a word shown. */
const ENDS: ReadonlyArray<readonly [AttemptEnd, string, boolean, string, string]> = [
  [{ type: "finished", reason: "stop" }, "complete", false, "complete", "complete"],
  [{ type: "finished", reason: "length" }, "complete", false, "complete", "complete"],
  [{ type: "cut" }, "interrupted", true, "failed", "interrupted"],
  [{ type: "stopped" }, "aborted", false, "stopped", "stopped"],
  [{ type: "timeout", timer: "connect" }, "timeout_connect", true, "failed", "interrupted"],
  [{ type: "timeout", timer: "first_token" }, "timeout_first_token", true, "failed", "interrupted"],
  [{ type: "timeout", timer: "idle" }, "timeout_idle", true, "failed", "interrupted"],
  [{ type: "timeout", timer: "total" }, "timeout_total", false, "failed", "interrupted"],
  [error("throttled"), "throttled", true, "failed", "interrupted"],
  [error("transient"), "transient", true, "failed", "interrupted"],
  [error("unusable"), "unusable", true, "failed", "interrupted"],
  [error("too_big"), "too_big", true, "failed", "interrupted"],
  [error("blocked"), "blocked", false, "blocked", "blocked"],
  [error("invalid"), "invalid", false, "failed", "interrupted"],
  [error("interrupted"), "interrupted", true, "failed", "interrupted"],
  [error("aborted"), "aborted", false, "failed", "interrupted"],
]

describe("the end of an attempt", () => {
  it("is judged for every class of error", () => {
    const judged = ENDS.flatMap(([end]) => (end.type === "error" ? [end.class] : []))
    expect(judged.toSorted()).toEqual([...AI_ERROR_CLASSES].toSorted())
  })

  for (const [end, outcome, failsOver, silent, shown] of ENDS)
    it(`${JSON.stringify(end)} is ${outcome}, and ends an answer as ${silent} or, once words were shown, ${shown}`, () => {
      expect(outcomeOf(end)).toBe(outcome)
      expect(mayFailOver(end, false)).toBe(failsOver)
      expect(mayFailOver(end, true)).toBe(false)
      if (end.type === "lost") return
      for (const [wordsShown, state] of [
        [false, silent],
        [true, shown],
      ] as const) {
        const verdict = verdictOf(end, wordsShown)
        expect(verdict.state).toBe(state)
        expect(verdict.error !== undefined).toBe(!["complete", "stopped"].includes(state))
        expect(verdict.finish).toBe(end.type === "finished" ? end.reason : undefined)
      }
    })

  it("never says what a provider said", () => {
    for (const [end] of ENDS) if (end.type !== "lost") expect(JSON.stringify(verdictOf(end, true))).not.toContain("as told")
  })
})

describe("the timers of an attempt", () => {
  const limits = { aiConnectTimeout: 10, aiFirstTokenTimeout: 20, aiIdleTimeout: 30, aiTotalTimeout: 100 }
  const at = (now: number, started?: number, lastText?: number, attempt = 0) =>
    expiredTimer({ now, begun: 0, attempt, started, lastText }, limits)

  it("run one after the other: connect until it started, first token until it spoke, idle from word to word", () => {
    expect([at(9), at(10)]).toEqual([undefined, "connect"])
    expect([at(24, 5), at(25, 5)]).toEqual([undefined, "first_token"])
    expect([at(39, 5, 10), at(40, 5, 10)]).toEqual([undefined, "idle"])
  })

  it("stand under one for all attempts together", () => {
    expect([at(99, 95, 98, 95), at(100, 95, 98, 95)]).toEqual([undefined, "total"])
    expect(at(55, undefined, undefined, 50)).toBeUndefined()
  })
})
