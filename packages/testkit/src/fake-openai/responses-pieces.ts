/** The Responses API as the real server streams it: numbered, named events, the last of which holds the whole answer. */
import { DEFAULT_DELTAS, type ErrorWords, errorObject, type FakeReply } from "./reply.ts"
import type { Asked, Piece } from "./piece.ts"

const named = (type: string, fields: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`

export const responsesError = (words: ErrorWords): string => {
  const { message, code, param } = errorObject(words)
  return named("error", { sequence_number: 99, code, message, param })
}

export const responsesPieces = (reply: FakeReply, asked: Asked): ReadonlyArray<Piece> => {
  const { deltas = DEFAULT_DELTAS, finish = "stop", usage = { input: 11, output: 7 } } = reply
  let sequence = 0
  const event = (role: Piece["role"], type: string, fields: object): Piece => ({
    role,
    bytes: named(type, { sequence_number: sequence++, ...fields }),
  })
  const at = { item_id: "msg_fake", output_index: 0, content_index: 0 }
  const text = deltas.join("")
  const part = { type: "output_text", annotations: [], logprobs: [], text }
  const item = { id: "msg_fake", type: "message", role: "assistant" }
  const response = { id: "resp_fake", object: "response", created_at: 1_790_000_000, model: reply.model ?? asked.model }
  const fresh = { response: { ...response, status: "in_progress", output: [], usage: null, error: null } }
  const extras = (pieces: () => ReadonlyArray<Piece>) => (reply.extras === true ? pieces() : [])
  const stopped = finish === "stop" || finish === "refusal"
  return [
    event("start", "response.created", fresh),
    event("start", "response.in_progress", fresh),
    ...extras(() => [
      { role: "extra", bytes: ": keep-alive\n\n" },
      event("extra", "response.reasoning_summary_text.delta", { ...at, delta: "Let me think." }),
      event("extra", "response.some_event_of_next_year", { anything: true }),
    ]),
    event("start", "response.output_item.added", { output_index: 0, item: { ...item, status: "in_progress", content: [] } }),
    event("start", "response.content_part.added", { ...at, part: { ...part, text: "" } }),
    ...(reply.withoutDeltas === true ? [] : deltas).map((delta) =>
      event("delta", "response.output_text.delta", { ...at, delta, logprobs: [] }),
    ),
    ...(finish === "refusal" ? [event("between", "response.refusal.delta", { ...at, delta: "I cannot help with that." })] : []),
    event("between", "response.output_text.done", { ...at, text, logprobs: [] }),
    event("between", "response.output_item.done", { output_index: 0, item: { ...item, status: "completed", content: [part] } }),
    event("marker", stopped ? "response.completed" : "response.incomplete", {
      response: {
        ...response,
        status: stopped ? "completed" : "incomplete",
        incomplete_details: stopped ? null : { reason: finish === "length" ? "max_output_tokens" : "content_filter" },
        error: null,
        output: [{ ...item, status: "completed", content: [part] }],
        usage: usage === "none" ? null : usageOf(usage),
      },
    }),
  ]
}

const usageOf = ({ input, output }: { readonly input: number; readonly output: number }) => ({
  input_tokens: input,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: output,
  output_tokens_details: { reasoning_tokens: 2 },
  total_tokens: input + output,
})
