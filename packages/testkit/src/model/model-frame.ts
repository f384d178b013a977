/** The server frames that the model of a client understands; every other frame stands outside the law. */
import type { WireItem } from "./wire-item.ts"

export interface PageFrame {
  readonly type: "changes"
  readonly conversationId: string
  readonly epoch: string
  readonly after: number
  readonly upTo: number
  readonly items: ReadonlyArray<WireItem>
  readonly firstSeq: number
  readonly more: boolean
  readonly window?: { readonly from: number }
}

/** The kind of item that each live type carries. */
export const LIVE_KINDS = {
  new_message: "message",
  message_updated: "message",
  message_deleted: "message",
  reactions_changed: "reactions",
  member_changed: "member",
  conversation_changed: "conversation",
} as const

export interface LiveChangeFrame {
  readonly type: keyof typeof LIVE_KINDS
  readonly conversationId: string
  readonly change: number
  readonly item: WireItem
}

export interface TextFrame {
  readonly type: "answer_delta" | "answer_snapshot"
  readonly conversationId: string
  readonly messageId: string
  readonly revision: number
  readonly part: number
  readonly offset: number
  readonly text: string
}

export type ModelFrame =
  | PageFrame
  | LiveChangeFrame
  | TextFrame
  | { readonly type: "unsubscribed"; readonly conversationId: string }
  | { readonly type: "resync"; readonly conversationId: string; readonly reason: string }

/** A page of history, from the reply to `get_history`. */
export interface HistoryReply {
  readonly epoch: string
  /** The head when the page was read. */
  readonly asOf: number
  /** Messages of consecutive seqs, and their reactions. */
  readonly items: ReadonlyArray<WireItem>
}

const TYPES: ReadonlySet<string> = new Set([
  ...Object.keys(LIVE_KINDS),
  "changes",
  "answer_delta",
  "answer_snapshot",
  "unsubscribed",
  "resync",
])

/** Whether a frame is one for `ClientModel.accept`; its shape is taken on trust, as checking it is the protocol's own work. */
export const isModelFrame = <Frame extends { readonly type: string }>(
  frame: Frame,
): frame is Extract<Frame, { readonly type: ModelFrame["type"] }> => TYPES.has(frame.type)
