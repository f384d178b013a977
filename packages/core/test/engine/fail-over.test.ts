/** Several providers, one answer: who writes it, and when nobody may any more. */
import { describe, expect, it } from "vitest"
import type { Message } from "../../src/domain/item.ts"
import type { AiErrorClass } from "../../src/ports/ai-provider.ts"
import { ann } from "../support/asking.ts"
import { makeCluster, type Node } from "../support/cluster.ts"
import { type AiCall, quickAi, scriptedAi } from "../support/scripted-ai.ts"

/** What the answer is once `first` has done its worst and `quick` stands behind it. */
const answerAfter = (first: (call: AiCall) => void, wait = 200) => {
  const cluster = makeCluster()
  const { sim, logs } = cluster
  const node: Node = cluster.start({ ai: [scriptedAi("first", first), quickAi("quick", ["from the second"])] })
  const { conversationId } = sim.run(node.engine.createSession(ann, {}), node.process)
  const sent = sim.run(node.engine.sendMessage(ann, { conversationId, clientMessageId: "c", text: "?" }), node.process)
  sim.advance(wait)
  const message = logs.get(conversationId)?.newest(sent.answer!.itemId) as unknown as Message
  return { ...message.answer!, text: message.parts.map((part) => (part.type === "text" ? part.text : "")).join("") }
}

describe("when the first provider", () => {
  for (const errorClass of [
    "throttled",
    "transient",
    "unusable",
    "too_big",
    "interrupted",
  ] as const satisfies ReadonlyArray<AiErrorClass>)
    it(`fails as ${errorClass} before a word, the second answers`, () => {
      const answer = answerAfter((call) => call.fail(errorClass))
      expect(answer).toMatchObject({ state: "complete", text: "from the second", provider: "quick" })
      expect(answer.attempts?.map(({ provider, outcome }) => [provider, outcome])).toEqual([
        ["first", errorClass],
        ["quick", "complete"],
      ])
    })

  for (const [errorClass, state] of [
    ["blocked", "blocked"],
    ["invalid", "failed"],
    ["aborted", "failed"],
  ] as const)
    it(`fails as ${errorClass}, nobody else is asked`, () => {
      const answer = answerAfter((call) => call.fail(errorClass))
      expect(answer).toMatchObject({ state, text: "", provider: "first" })
      expect(answer.attempts).toHaveLength(1)
    })

  it("is cut before a word, the second answers", () => {
    expect(answerAfter((call) => call.cut())).toMatchObject({ state: "complete", provider: "quick" })
  })

  it("does not connect, or connects and is silent, the second answers", () => {
    expect(answerAfter(() => {}, 11_000)).toMatchObject({ state: "complete", provider: "quick" })
    expect(answerAfter((call) => call.emit({ type: "started" }), 16_000)).toMatchObject({ state: "complete", provider: "quick" })
  })

  it("has said one word, nobody goes on for it: two models' texts are never one", () => {
    for (const worst of [
      (call: AiCall) => call.cut(),
      (call: AiCall) => call.fail("transient"),
      (call: AiCall) => call.fail("throttled"),
    ]) {
      const answer = answerAfter((call) => {
        call.emit({ type: "started" })
        call.text("word")
        worst(call)
      })
      expect(answer).toMatchObject({
        state: "interrupted",
        text: "word",
        provider: "first",
        error: { code: "answer_interrupted" },
      })
      expect(answer.attempts).toHaveLength(1)
    }
  })

  it("ends without its terminal marker after its words, the answer is never complete", () => {
    const answer = answerAfter((call) => {
      call.emit({ type: "started" })
      call.text("nearly all of i")
      call.cut()
    })
    expect(answer.state).toBe("interrupted")
    expect(answer.finish).toBeUndefined()
  })

  it("says too much, the answer is complete at its bound and says so", () => {
    const answer = answerAfter((call) => {
      call.emit({ type: "started" })
      call.text("x".repeat(100_001))
    })
    expect(answer).toMatchObject({ state: "complete", finish: "length" })
    expect(answer.text).toHaveLength(100_000)
  })

  it("says nothing and is done, that is an answer without words", () => {
    expect(answerAfter((call) => call.finish())).toMatchObject({ state: "complete", text: "", finish: "stop" })
  })
})
