/**
 * Chat Completions: its request, and its chunks. Many servers speak it, each a little differently, so a chunk is read for what it must
 * have, and whatever else stands in it (reasoning, tool calls, filter results) is passed over.
 */
import type { AiRequest } from "@parley/core"
import { isObject, type JsonObject, objectOf, type Reading, REFUSED, UNREADABLE, usageOf } from "./reading.ts"

export const chatBody = (model: string, { system, messages }: AiRequest) => ({
  model,
  // "developer" is OpenAI's newer word for it, which other servers do not know; OpenAI takes both.
  messages: [
    ...(system === "" ? [] : [{ role: "system" as const, content: system }]),
    ...messages.map(({ role, text }) => ({ role, content: text })),
  ],
  stream: true as const,
  stream_options: { include_usage: true },
})

/** Other servers' words for OpenAI's. Tool calls end a turn too, although none was offered. */
const FINISH: ReadonlyMap<string, "stop" | "length" | "refused"> = new Map([
  ["stop", "stop"],
  ["eos", "stop"],
  ["eos_token", "stop"],
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["tool_calls", "stop"],
  ["function_call", "stop"],
  ["length", "length"],
  ["max_tokens", "length"],
  ["model_length", "length"],
  ["content_filter", "refused"],
  ["safety", "refused"],
  ["recitation", "refused"],
])

/** `undefined` for what is no text at all. */
const textOf = (content: unknown): string | undefined => {
  if (typeof content === "string") return content
  if (content === null || content === undefined) return ""
  if (!Array.isArray(content)) return undefined
  let text = ""
  for (const part of content as ReadonlyArray<unknown>) {
    if (!isObject(part)) return undefined
    if (part["type"] !== "text") continue
    if (typeof part["text"] !== "string") return undefined
    text += part["text"]
  }
  return text
}

const finishOf = (value: unknown): Pick<Reading, "finish" | "failure"> | undefined => {
  if (value === null || value === undefined || value === "") return {}
  if (typeof value !== "string") return undefined
  const finish = FINISH.get(value.toLowerCase())
  if (finish === "refused") return { failure: { code: "content_filter", what: "the server withheld the answer" } }
  // Such as `error`, `abort`, `insufficient_system_resource`: the answer has not been finished.
  if (finish === undefined) return { failure: { code: value, what: "the server gave up" } }
  return { finish }
}

const choiceOf = (chunk: JsonObject): JsonObject | undefined => {
  const choices = chunk["choices"]
  if (!Array.isArray(choices)) return undefined
  return (choices as ReadonlyArray<unknown>).map(objectOf).find(({ index = 0 }) => index === 0)
}

export const readChatChunk = (chunk: unknown): Reading => {
  if (!isObject(chunk)) return UNREADABLE
  const model = chunk["model"]
  const counted = objectOf(chunk["usage"])
  const usage = usageOf(counted["prompt_tokens"], counted["completion_tokens"])
  const choice = choiceOf(chunk) ?? {}
  const delta = objectOf(choice["delta"])
  const text = textOf(delta["content"])
  const end = finishOf(choice["finish_reason"])
  if (text === undefined || end === undefined) return UNREADABLE
  if (typeof delta["refusal"] === "string" && delta["refusal"] !== "") return REFUSED
  return {
    ...end,
    ...(typeof model === "string" && model !== "" ? { model } : {}),
    ...(text === "" ? {} : { text }),
    ...(usage === undefined ? {} : { usage }),
  }
}
