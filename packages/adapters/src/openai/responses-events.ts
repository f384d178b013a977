/** The Responses API: its request, and its events. The answer's end is an event of its own, and so is a failure. */
import type { AiRequest } from "@parley/core"
import { isObject, type JsonObject, objectOf, type Reading, REFUSED, UNREADABLE, usageOf } from "./reading.ts"
import { failureOfBody } from "./thrown.ts"

export const responsesBody = (model: string, { system, messages }: AiRequest) => ({
  model,
  ...(system === "" ? {} : { instructions: system }),
  input: messages.map(({ role, text }) => ({ role, content: text })),
  stream: true as const,
  // The log is ours; without this the vendor keeps a copy of every conversation.
  store: false,
})

const answerOf = (event: JsonObject): JsonObject => objectOf(event["response"])

const wholeOf = (output: unknown): string => {
  let text = ""
  for (const item of Array.isArray(output) ? (output as ReadonlyArray<unknown>) : []) {
    const { content } = objectOf(item)
    for (const part of Array.isArray(content) ? (content as ReadonlyArray<unknown>).map(objectOf) : [])
      if (part["type"] === "output_text" && typeof part["text"] === "string") text += part["text"]
  }
  return text
}

const endOf = (response: JsonObject): Reading => {
  const counted = objectOf(response["usage"])
  const usage = usageOf(counted["input_tokens"], counted["output_tokens"])
  const model = response["model"]
  const whole = wholeOf(response["output"])
  return {
    ...(whole === "" ? {} : { whole }),
    ...(typeof model === "string" && model !== "" ? { model } : {}),
    ...(usage === undefined ? {} : { usage }),
  }
}

const incomplete = (response: JsonObject): Reading => {
  const reason = objectOf(response["incomplete_details"])["reason"]
  if (reason === "max_output_tokens" || reason === "max_tokens") return { ...endOf(response), finish: "length" }
  const failure =
    reason === "content_filter"
      ? { code: "content_filter", what: "the server withheld the answer" }
      : { ...(typeof reason === "string" ? { code: reason } : {}), what: "the server gave up" }
  return { ...endOf(response), failure }
}

export const readResponsesEvent = (event: unknown): Reading => {
  if (!isObject(event) || typeof event["type"] !== "string") return UNREADABLE
  const response = answerOf(event)
  switch (event["type"]) {
    case "response.output_text.delta":
      return typeof event["delta"] === "string" ? { text: event["delta"] } : UNREADABLE
    case "response.refusal.delta":
    case "response.refusal.done":
      return REFUSED
    case "response.completed":
      return response["status"] === "incomplete" ? incomplete(response) : { ...endOf(response), finish: "stop" }
    case "response.incomplete":
      return incomplete(response)
    case "response.failed":
      return { ...endOf(response), failure: failureOfBody(response["error"]) }
    case "response.cancelled":
      return { ...endOf(response), failure: { what: "the server cancelled the answer" } }
    case "error":
      // Its own `type` is the event's, not the error's.
      return { failure: failureOfBody(event["error"] ?? { code: event["code"], message: event["message"] }) }
    default:
      return {}
  }
}
