/** The face of the kit for vitest, and the only file that loads it. */
import { describe, it } from "vitest"
import { plan, type Case, type Subject } from "./conformance/case.ts"

/** Above the limit of a case, whose error says more. */
const TIMEOUT_MS = 30_000

/** Declares a suite's cases as tests: `conformance("Outbox", outboxCases)({ name: "memory", layer: () => memoryStorage() })`. */
export const conformance =
  <R, Capability extends string>(port: string, cases: ReadonlyArray<Case<R, Capability>>) =>
  (subject: Subject<R, Capability>): void => {
    const planned = plan(port, cases, subject)
    describe(`${port} conformance: ${subject.name}`, () => {
      for (const { title, expect, run } of planned) {
        if (expect === "skip") it.skip(title, run)
        else if (expect === "fail") it.fails(title, run, TIMEOUT_MS)
        else it(title, run, TIMEOUT_MS)
      }
    })
  }
