/** Faults of an `AiProvider`, and a sound one to compare with. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { aiError, type AiError, type AiEvent, type AiProvider } from "@parley/core"
import { AiScenarios, type AiScenariosShape } from "@parley/testkit"
import type { Broken } from "./broken.ts"

const STARTED: AiEvent = { type: "started" }
const TEXT: AiEvent = { type: "text", text: "Forty-two." }
const FINISHED: AiEvent = { type: "finished", reason: "stop" }

const provider = (stream: () => Stream.Stream<AiEvent, AiError>): AiProvider => ({ name: "scripted", stream })
const says = (...events: ReadonlyArray<AiEvent>): AiProvider => provider(() => Stream.fromIterable(events))

/** Starts, holds on until it is interrupted, and counts itself meanwhile. */
const endless = (stream: (held: Stream.Stream<AiEvent>) => Stream.Stream<AiEvent>) => {
  let active = 0
  const held = Stream.suspend(() => {
    active += 1
    return Stream.concat(Stream.make(STARTED), Stream.never).pipe(Stream.ensuring(Effect.sync(() => (active -= 1))))
  })
  return { provider: provider(() => stream(held)), active: () => active }
}

const sound = (): AiScenariosShape => ({
  answers: says(STARTED, TEXT, FINISHED),
  request: { system: "", messages: [{ role: "user", text: "What is the answer?" }], requestId: "r" },
  endless: endless((held) => held),
  fails: provider(() => Stream.fail(aiError("throttled", "slow down"))),
  cut: says(STARTED, TEXT),
})

export const soundProvider = (): Layer.Layer<AiScenarios> => Layer.sync(AiScenarios, sound)

const brokenProvider = (
  fault: string,
  caughtBy: ReadonlyArray<string>,
  change: () => Partial<AiScenariosShape>,
): Broken<AiScenarios> => ({
  fault,
  caughtBy,
  layer: () => Layer.sync(AiScenarios, () => ({ ...sound(), ...change() })),
})

const answers = (fault: string, ...events: ReadonlyArray<AiEvent>) =>
  brokenProvider(fault, ["ai.form"], () => ({ answers: says(...events) }))

/** A stream made once and shared by all calls: its events go to whoever comes first. */
const shared = (): AiProvider => {
  const events = [STARTED, TEXT, FINISHED]
  const once = Stream.fromIterable({ [Symbol.iterator]: () => events.splice(0)[Symbol.iterator]() })
  return provider(() => once)
}

export const brokenProviders: ReadonlyArray<Broken<AiScenarios>> = [
  answers("does not say that it started", TEXT, FINISHED),
  answers("starts twice", STARTED, STARTED, TEXT, FINISHED),
  answers("ends without a terminal marker", STARTED, TEXT),
  answers("finishes twice", STARTED, TEXT, FINISHED, FINISHED),
  answers("goes on after the end", STARTED, TEXT, FINISHED, { type: "usage", usage: {} }),
  answers("says nothing", STARTED, FINISHED),
  brokenProvider("has a sentence for a name", ["ai.name"], () => ({ answers: { ...sound().answers, name: "a model of ours" } })),
  brokenProvider("answers once", ["ai.cold", "ai.concurrent"], () => ({ answers: shared() })),
  brokenProvider("starts with its text for those who leave early", ["ai.early-end"], () => ({
    answers: says(TEXT, STARTED, FINISHED),
  })),
  brokenProvider("keeps the call when it is interrupted", ["ai.interrupted", "ai.interrupted-alone"], () => {
    let active = 0
    const leaking = provider(() =>
      Stream.suspend(() => {
        active += 1
        return Stream.concat(Stream.make(STARTED), Stream.never)
      }),
    )
    return { endless: { provider: leaking, active: () => active } }
  }),
  brokenProvider("does not let go for seconds", ["ai.interrupted"], () => ({
    endless: endless((held) => held.pipe(Stream.ensuring(Effect.sleep("3 seconds")))),
  })),
  brokenProvider("swallows its errors", ["ai.fails"], () => ({ fails: says(STARTED) })),
  brokenProvider("fails with the error of its SDK", ["ai.fails"], () => ({
    // What a careless cast lets through.
    fails: provider(() => Stream.fail(new Error("429 Too Many Requests") as unknown as AiError)),
  })),
  brokenProvider("takes a cut answer for a complete one", ["ai.cut"], () => ({ cut: says(STARTED, TEXT, FINISHED) })),
]
