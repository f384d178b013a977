/** Chat Completions as the real server streams it: a role, deltas, a finish, usage when asked for, `[DONE]`. */
import { DEFAULT_DELTAS, type ErrorWords, errorObject, type FakeReply } from "./reply.ts"
import type { Asked, Piece } from "./piece.ts"

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`

export const chatError = (words: ErrorWords): string => data({ error: errorObject(words) })

export const chatPieces = (reply: FakeReply, asked: Asked): ReadonlyArray<Piece> => {
  const { deltas = DEFAULT_DELTAS, finish = "stop", usage = { input: 11, output: 7 } } = reply
  const base = {
    id: "chatcmpl-fake",
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: reply.model ?? asked.model,
    service_tier: "default",
    system_fingerprint: null,
  }
  const counts = asked.includeUsage && usage !== "none"
  const chunk = (delta: object, reason: string | null = null) =>
    data({
      ...base,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
      ...(counts ? { usage: null } : {}),
      ...(reply.extras === true ? { obfuscation: "aB3" } : {}),
    })
  const extras = (bytes: ReadonlyArray<string>): ReadonlyArray<Piece> =>
    reply.extras === true ? bytes.map((each) => ({ role: "extra", bytes: each })) : []
  const ending: ReadonlyArray<Piece> =
    finish === "refusal"
      ? [
          { role: "between", bytes: chunk({ refusal: "I cannot help with that." }) },
          { role: "marker", bytes: chunk({}, "stop") },
        ]
      : [{ role: "marker", bytes: chunk({}, finish) }]
  return [
    ...extras([
      ": keep-alive\n\n",
      data({ ...base, choices: [], prompt_filter_results: [{ prompt_index: 0 }] }),
      chunk({ role: "assistant", content: null, reasoning_content: "Let me think." }),
    ]),
    { role: "start", bytes: chunk({ role: "assistant", content: "", refusal: null }) },
    ...deltas.map((content): Piece => ({ role: "delta", bytes: chunk({ content }) })),
    ...extras([
      ": keep-alive\r\n\r\n",
      chunk({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "none", arguments: "{}" } }] }),
    ]),
    ...ending,
    ...(counts ? [{ role: "usage" as const, bytes: data({ ...base, choices: [], usage: usageOf(usage) }) }] : []),
    { role: "done", bytes: "data: [DONE]\n\n" },
  ]
}

const usageOf = ({ input, output }: { readonly input: number; readonly output: number }) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 2, audio_tokens: 0 },
})
