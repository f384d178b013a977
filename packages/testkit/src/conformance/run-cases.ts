/** The face of the kit for programs: runs a suite without a test runner and says what became of each case. */
import { plan, type Case, type Planned, type Subject } from "./case.ts"

export interface CaseResult {
  readonly id: string
  readonly title: string
  /** `deviated`: it failed, as the subject said it would. A deviation that passes counts as `failed`. */
  readonly outcome: "passed" | "failed" | "skipped" | "deviated"
  readonly error?: unknown
}

/** One case after the other: cases of one suite may compete for a machine's only server. */
export const runCases = async <R, Capability extends string>(
  port: string,
  cases: ReadonlyArray<Case<R, Capability>>,
  subject: Subject<R, Capability>,
): Promise<ReadonlyArray<CaseResult>> => {
  const results: Array<CaseResult> = []
  for (const planned of plan(port, cases, subject)) results.push(await resultOf(planned))
  return results
}

const resultOf = async (planned: Planned): Promise<CaseResult> => {
  const { id, title, expect } = planned
  if (expect === "skip") return { id, title, outcome: "skipped" }
  try {
    await planned.run()
  } catch (error) {
    return { id, title, outcome: expect === "fail" ? "deviated" : "failed", error }
  }
  if (expect === "pass") return { id, title, outcome: "passed" }
  return { id, title, outcome: "failed", error: new Error(`${id} holds; remove the deviation`) }
}
