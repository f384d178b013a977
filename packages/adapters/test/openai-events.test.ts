/** Servers that speak the same language with an accent: what is understood, passed over, and refused as unreadable. */
import { describe, expect, it } from "vitest"
import { readChatChunk } from "../src/openai/chat-events.ts"
import { readResponsesEvent } from "../src/openai/responses-events.ts"

const choice = (fields: object) => ({ model: "m", choices: [{ index: 0, ...fields }] })
const UNREADABLE = { failure: { what: "the server sent an event that cannot be read" } }

describe("a chunk of Chat Completions", () => {
  it.each([
    [choice({ delta: { content: "a" }, finish_reason: null }), { model: "m", text: "a" }],
    [choice({ delta: { content: "a" }, finish_reason: "" }), { model: "m", text: "a" }],
    [choice({ delta: { content: "a" }, finish_reason: "stop" }), { model: "m", text: "a", finish: "stop" }],
    [choice({ delta: { content: null } }), { model: "m" }],
    [choice({ delta: {}, finish_reason: "stop" }), { model: "m", finish: "stop" }],
    [choice({ finish_reason: "eos_token" }), { model: "m", finish: "stop" }],
    [choice({ delta: {}, finish_reason: "tool_calls" }), { model: "m", finish: "stop" }],
    [choice({ delta: {}, finish_reason: "LENGTH" }), { model: "m", finish: "length" }],
    [choice({ delta: {}, finish_reason: "model_length" }), { model: "m", finish: "length" }],
    [choice({ delta: { reasoning_content: "hm", tool_calls: [{ index: 0 }] } }), { model: "m" }],
    [
      choice({
        delta: {
          content: [
            { type: "thinking", thinking: [] },
            { type: "text", text: "a" },
          ],
        },
      }),
      { model: "m", text: "a" },
    ],
    [choice({ delta: { refusal: "" } }), { model: "m" }],
    [{ choices: [{ delta: { content: "a" } }] }, { text: "a" }],
    [{ choices: [{ index: 1, delta: { content: "other" }, finish_reason: "stop" }] }, {}],
    [{ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }, { usage: { inputTokens: 3, outputTokens: 2 } }],
    [{ choices: null, usage: null }, {}],
    [{ object: "ping" }, {}],
    [{ choices: [], usage: { prompt_tokens: "3", completion_tokens: 2.5 } }, {}],
  ])("says what it says: %j", (chunk, reading) => {
    expect(readChatChunk(chunk)).toEqual(reading)
  })

  it.each([
    null,
    7,
    "text",
    [],
    choice({ delta: { content: 7 } }),
    choice({ delta: { content: ["a"] } }),
    choice({ finish_reason: 1 }),
  ])("is unreadable: %j", (chunk) => {
    expect(readChatChunk(chunk)).toEqual(UNREADABLE)
  })

  it.each(["error", "abort", "cancelled", "insufficient_system_resource", "a_word_of_next_year"])(
    "that ends with %s is no end of an answer",
    (finish_reason) => {
      const reading = readChatChunk(choice({ delta: {}, finish_reason }))
      expect(reading).toMatchObject({ failure: { code: finish_reason } })
      expect(reading).not.toHaveProperty("finish")
    },
  )
})

describe("an event of Responses", () => {
  it.each([
    [{ type: "response.output_text.delta", delta: "a" }, { text: "a" }],
    [{ type: "response.reasoning_text.delta", delta: "hm" }, {}],
    [{ type: "response.function_call_arguments.delta", delta: "{" }, {}],
    [
      { type: "response.completed", response: { model: "m", output: [] } },
      { model: "m", finish: "stop" },
    ],
    [
      { type: "response.completed", response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } } },
      { finish: "length" },
    ],
    [{ type: "response.incomplete", response: { incomplete_details: { reason: "max_output_tokens" } } }, { finish: "length" }],
  ])("says what it says: %j", (event, reading) => {
    expect(readResponsesEvent(event)).toEqual(reading)
  })

  it.each([
    [{ type: "response.failed", response: { error: { code: "rate_limit_exceeded", message: "later" } } }, "rate_limit_exceeded"],
    [{ type: "response.incomplete", response: { incomplete_details: { reason: "content_filter" } } }, "content_filter"],
    [{ type: "response.incomplete", response: {} }, undefined],
    [{ type: "response.cancelled", response: {} }, undefined],
    [{ type: "error", code: "server_error", message: "oh" }, "server_error"],
    [{ type: "error", error: { code: "insufficient_quota" } }, "insufficient_quota"],
    [{ type: "response.refusal.delta", delta: "I" }, "content_filter"],
  ])("is a failure: %j", (event, code) => {
    const { failure, finish } = readResponsesEvent(event)
    expect([failure !== undefined, failure?.code, finish]).toEqual([true, code, undefined])
  })

  it.each([null, 7, {}, { type: 7 }, { type: "response.output_text.delta", delta: 7 }])("is unreadable: %j", (event) => {
    expect(readResponsesEvent(event)).toEqual(UNREADABLE)
  })
})
