/** The kit tested on itself: each adapter here has one fault, and the cases named beside it have to find it. */
import { describe, expect, it } from "vitest"
import { memoryBus, memoryOneTimeKeys, memoryStorage } from "@parley/adapters/memory"
import {
  aiProviderCases,
  answerLeasesCases,
  authenticatorCases,
  conversationLogCases,
  eventBusCases,
  oneTimeKeysCases,
  outboxCases,
  runCases,
  type Case,
} from "@parley/testkit"
import { brokenAuthenticators, credentials, soundAuthenticator } from "./broken/authenticators.ts"
import type { Broken } from "./broken/broken.ts"
import { brokenBuses } from "./broken/buses.ts"
import { brokenCommits } from "./broken/commits.ts"
import { brokenAnswerLeases } from "./broken/leases.ts"
import { brokenOneTimeKeys } from "./broken/one-time-keys.ts"
import { brokenOutboxes } from "./broken/outboxes.ts"
import { brokenProviders, soundProvider } from "./broken/providers.ts"
import { brokenReads } from "./broken/reads.ts"
import { brokenStores } from "./broken/stores.ts"

const storageCases = [...conversationLogCases, ...answerLeasesCases, ...outboxCases]

const suite = <R, Capability extends string>(
  port: string,
  cases: ReadonlyArray<Case<R, Capability>>,
  can: Partial<Record<Capability, boolean>>,
  sound: Broken<R>["layer"],
  broken: ReadonlyArray<Broken<R>>,
): void => {
  const outcomesOf = async (subject: Broken<R>, ids: ReadonlyArray<string>) => {
    const chosen = cases.filter((each) => ids.includes(each.id))
    const run = (each: Case<R, Capability>) => runCases(port, [each], { name: subject.fault, layer: subject.layer, can })
    // At the same time, because a case that waits in vain waits for seconds.
    const results = (await Promise.all(chosen.map(run))).flat()
    return Object.fromEntries(results.map(({ id, outcome }) => [id, outcome]))
  }
  const named = [...new Set(broken.flatMap((each) => each.caughtBy))]

  describe.concurrent(`${port} suite`, () => {
    for (const subject of broken)
      it(`catches a subject that ${subject.fault}`, async () => {
        const outcomes = await outcomesOf(subject, subject.caughtBy)
        expect(outcomes).toEqual(Object.fromEntries(subject.caughtBy.map((id) => [id, "failed"])))
      }, 30_000)

    it("passes a sound subject with the same cases", async () => {
      // A store that forgets cannot show what it keeps.
      const ids = named.filter((id) => id !== "life.reopen")
      const outcomes = await outcomesOf({ fault: "has no fault", caughtBy: [], layer: sound }, ids)
      expect(outcomes).toEqual(Object.fromEntries(ids.map((id) => [id, "passed"])))
    }, 30_000)

    it("has no case that no fault makes fail", () => {
      expect(cases.map((each) => each.id).filter((id) => !named.includes(id))).toEqual([])
    })
  })
}

suite("storage", storageCases, { reopen: true }, memoryStorage, [
  ...brokenCommits,
  ...brokenReads,
  ...brokenStores,
  ...brokenAnswerLeases,
  ...brokenOutboxes,
])
suite("EventBus", eventBusCases, {}, memoryBus, brokenBuses)
suite("OneTimeKeys", oneTimeKeysCases, {}, memoryOneTimeKeys, brokenOneTimeKeys)
suite("AiProvider", aiProviderCases, { endless: true, fails: true, cut: true }, soundProvider, brokenProviders)
suite("Authenticator", authenticatorCases(credentials), {}, soundAuthenticator, brokenAuthenticators)
