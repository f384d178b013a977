/** What the fake server does with one request, as data. */

export interface FakeReply {
  /** The text, a delta each. */
  readonly deltas?: ReadonlyArray<string>
  /** The model that the answer names; the one that was asked for by default. */
  readonly model?: string
  readonly finish?: "stop" | "length" | "content_filter" | "refusal"
  /** Tokens as counted; "none" for a server that does not count. */
  readonly usage?: { readonly input: number; readonly output: number } | "none"
  /** Sends besides what nobody asked for: keep-alive comments, reasoning, tool calls, fields that no client knows. */
  readonly extras?: boolean
  /** Responses: the text stands in the last event alone. */
  readonly withoutDeltas?: boolean
  /** Bytes of one write: a number, or random ones from a seed. By default each event is one write. */
  readonly split?: number | { readonly seed: number }
  /** Milliseconds between two writes. */
  readonly dripMs?: number
  readonly fault?: FakeFault
}

/** `after` counts deltas: the fault comes when so many have been sent. */
export type FakeFault =
  /** An HTTP error instead of a stream. `body` replaces the usual one. */
  | {
      readonly type: "status"
      readonly status: number
      readonly code?: string
      readonly errorType?: string
      readonly message?: string
      readonly headers?: { readonly [name: string]: string }
      readonly body?: string
    }
  /** The connection is closed without a byte of an answer. */
  | { readonly type: "hang_up" }
  /** The socket is destroyed in mid-answer. */
  | { readonly type: "cut"; readonly after: number }
  /** The answer ends as if it were whole, without a terminal marker. */
  | { readonly type: "early_end"; readonly after: number }
  /** Only so many bytes of the answer's body come, and then it ends, is cut, or nothing more comes. */
  | { readonly type: "truncated"; readonly bytes: number; readonly ending: "end" | "cut" | "stall" }
  /** Nothing more comes: before the headers, before the first byte of the body, or before a delta (from 0). */
  | { readonly type: "stall"; readonly before: "headers" | "body" | number }
  /** An event that is no JSON; the answer goes on after it. */
  | { readonly type: "garbage"; readonly after: number }
  /** An error object inside the stream, which then ends. */
  | {
      readonly type: "stream_error"
      readonly after: number
      readonly code?: string | number
      readonly errorType?: string
      readonly message?: string
    }
  /** Events in an order that no server promises: the end before the text, the marker before the last delta, the beginning after the text. */
  | { readonly type: "order"; readonly order: "end_first" | "marker_early" | "start_last" }

export type FakeApi = "chat" | "responses"

/** Every length of a character in UTF-8. */
export const DEFAULT_DELTAS: ReadonlyArray<string> = ["Grüße", ", 世界 ", "👋", " — done."]

export interface ErrorWords {
  readonly code?: string | number
  readonly errorType?: string
  readonly message?: string
}

export const errorObject = ({ code, errorType, message }: ErrorWords) => ({
  message: message ?? "The fake server was told to fail.",
  type: errorType ?? "invalid_request_error",
  param: null,
  code: code ?? null,
})
