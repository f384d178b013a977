import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { AnswerState } from "../../src/domain/answer.ts"
import type { Message } from "../../src/domain/item.ts"
import { buildContext, SYSTEM_PROMPT } from "../../src/prompt/context.ts"
import { ann, makeAsking } from "../support/asking.ts"

let seq = 0
const stamps = () => ({ seq: ++seq, change: seq, createdAt: 0, updatedAt: 0 })
const question = (id: string, text: string, more: Partial<Message> = {}): Message => ({
  kind: "message",
  id,
  v: 1,
  author: { kind: "user", id: "ann" },
  type: "text",
  parts: [{ type: "text", text }],
  ...stamps(),
  ...more,
})
const reply = (
  turn: string,
  text: string,
  variant = 1,
  state: AnswerState = "complete",
  more: Partial<Message> = {},
): Message => ({
  ...question(`${turn}.${variant}`, text),
  author: { kind: "assistant", id: "assistant" },
  type: "ai_response",
  answer: { state, turn, variant, revision: 1 },
  ...more,
})
const wide = { messages: 100, length: 100_000 }
const lines = (messages: ReadonlyArray<{ readonly role: string; readonly text: string }>) =>
  messages.map(({ role, text }) => `${role}: ${text}`)

describe("the context of an answer", () => {
  it("ends with the question, after each earlier one and its newest answer that ended with words", () => {
    const earlier = [
      question("a", "first"),
      reply("a", "poor", 1),
      question("b", "second"),
      reply("b", "", 1, "failed"),
      reply("a", "better", 2),
      reply("a", "", 3, "stopped"),
      reply("a", "still open", 4, "streaming"),
      question("c", "gone", { parts: [], deleted: { by: "ann" } }),
      reply("b", "deleted", 2, "complete", { deleted: { by: "ann" } }),
    ]
    expect(lines(buildContext(question("d", "third"), earlier, undefined, wide))).toEqual([
      "user: first",
      "assistant: better",
      "user: second",
      "user: third",
    ])
  })

  it("takes what is newest, within its bounds, and the question always", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 60 })), fc.nat({ max: 12 }), fc.nat({ max: 200 }), (lengths, messages, length) => {
        const earlier = lengths.map((size, i) => question(`q${i}`, "x".repeat(size) + i))
        const turn = question("turn", "and this?")
        const context = buildContext(turn, earlier, undefined, { messages: Math.max(1, messages), length })
        expect(context.at(-1)).toEqual({ role: "user", text: "and this?" })
        const before = context.slice(0, -1)
        expect(before.length).toBeLessThanOrEqual(Math.max(1, messages))
        expect(before.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(length)
        expect(before.map(({ text }) => text)).toEqual(
          before.length === 0 ? [] : earlier.slice(-before.length).map((message) => (message.parts[0] as { text: string }).text),
        )
      }),
    )
  })

  it("holds no earlier message when none is allowed", () => {
    expect(lines(buildContext(question("d", "now"), [question("a", "then")], undefined, { messages: 0, length: 100 }))).toEqual([
      "user: now",
    ])
  })

  it("says the session's facts as data of the user", () => {
    const context = buildContext(question("d", "now"), [], { clientName: "ACME", customFields: { a: [1] } }, wide)
    expect(context.map(({ role }) => role)).toEqual(["user", "user"])
    expect(context[0]?.text).toContain('{"clientName":"ACME","customFields":{"a":[1]}}')
    expect(buildContext(question("d", "now"), [], {}, wide)).toHaveLength(1)
  })

  it("leaves the system part untouched by anything a user can write", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text.trim() !== ""),
          { minLength: 1, maxLength: 4 },
        ),
        fc.string({ minLength: 1, maxLength: 40 }),
        (texts, name) => {
          const asking = makeAsking()
          const { sim } = asking.cluster
          const node = asking.start()
          const { conversationId } = sim.run(
            node.engine.createSession(ann, { name, context: { clientName: name, customFields: { [name]: name } } }),
            node.process,
          )
          for (const [i, text] of texts.entries()) {
            sim.run(
              node.engine.sendMessage(ann, { conversationId, clientMessageId: `c${i}`, text, metadata: { [name]: text } }),
              node.process,
            )
            sim.advance(50)
            asking.calls.at(-1)?.text(text)
            asking.calls.at(-1)?.finish()
            sim.advance(100)
          }
          expect(asking.calls).toHaveLength(texts.length)
          for (const { request } of asking.calls) expect(request.system).toBe(SYSTEM_PROMPT)
          expect(asking.calls.at(-1)?.request.messages.at(-1)).toEqual({ role: "user", text: texts.at(-1) })
        },
      ),
      { numRuns: 50 },
    )
  })
})
