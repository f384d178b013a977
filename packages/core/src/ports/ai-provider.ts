/**
 * Something that answers: a model behind an SDK, or the embedded assistant.
 */
import type * as Stream from "effect/Stream"
import type { Usage } from "../domain/answer.ts"
import type { SourcePart } from "../domain/item.ts"

export interface PromptMessage {
  readonly role: "user" | "assistant"
  readonly text: string
}

export interface AiRequest {
  /** From templates only: no byte of a user ever stands here. */
  readonly system: string
  /** Oldest first; the last one is the user's message to answer. */
  readonly messages: ReadonlyArray<PromptMessage>
  /** For the provider's logs: opaque. */
  readonly requestId: string
}

export type AiEvent =
  /** The provider accepted the request; not yet text. Ends the connect timer. */
  | { readonly type: "started"; readonly model?: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "source"; readonly source: SourcePart }
  | { readonly type: "usage"; readonly usage: Usage }
  /** The terminal marker. A stream that ends without it was cut, and counts as interrupted. */
  | { readonly type: "finished"; readonly reason: "stop" | "length"; readonly model?: string }

/**
 * - `throttled`: retry after the hint. `transient`: retry with jitter. `unusable`: this target cannot serve (key, quota, model).
 * - `too_big`: shorten first. `blocked`: a policy refused, never to be routed around. `invalid`: our request is wrong.
 * - `interrupted`: cut after output began. `aborted`: we ended it.
 */
export const AI_ERROR_CLASSES = [
  "throttled",
  "transient",
  "unusable",
  "too_big",
  "blocked",
  "invalid",
  "interrupted",
  "aborted",
] as const
export type AiErrorClass = (typeof AI_ERROR_CLASSES)[number]

export interface AiError {
  readonly _tag: "AiError"
  readonly class: AiErrorClass
  /** For the operator's log; no key, no prompt, no answer text. */
  readonly message: string
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

export const aiError = (
  errorClass: AiErrorClass,
  message: string,
  extra: { readonly retryAfterMs?: number; readonly cause?: unknown } = {},
): AiError => ({
  _tag: "AiError",
  class: errorClass,
  message,
  ...extra,
})

/**
 * Contract:
 *
 * - One call, one attempt: the SDK's own retries are off; the engine alone retries.
 * - Interrupting the stream aborts the provider's call and frees its connection at once.
 * - `finished` comes last and only when the provider said so. Without it the stream fails or just ends; both count as cut.
 * - Errors carry the class; nothing else of the SDK leaks.
 * - Text may be ill-formed UTF-16 or hold NUL: the engine repairs it.
 */
export interface AiProvider {
  /** Names the provider on answers and in logs: a short word. */
  readonly name: string
  readonly stream: (request: AiRequest) => Stream.Stream<AiEvent, AiError>
}
