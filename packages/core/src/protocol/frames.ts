/**
 * Every frame a server may send, and how a stored item looks on the wire.
 */
import type { Item, Reactions } from "../domain/item.ts"
import { SHOWN_REACTORS } from "../domain/reactions.ts"
import type { UserProfile } from "../ports/user-directory.ts"
import type { CloseReason } from "./close-codes.ts"
import type { ErrorBody } from "./errors.ts"

/** Reactions show a count and the first users of each emoji; the store keeps everybody. */
export interface WireReactions extends Omit<Reactions, "users"> {
  readonly counts: ReadonlyArray<{ readonly emoji: string; readonly count: number; readonly users: ReadonlyArray<string> }>
}
export type WireItem = Exclude<Item, Reactions> | WireReactions

export const wireItem = (item: Item): WireItem => {
  if (item.kind !== "reactions") return item
  const { users, ...rest } = item
  return {
    ...rest,
    counts: Object.entries(users).map(([emoji, all]) => ({ emoji, count: all.length, users: all.slice(0, SHOWN_REACTORS) })),
  }
}

/** Emojis of a reader who does not stand among the users shown, by message id: a sidecar outside the log's law. */
export type Mine = { readonly [messageId: string]: ReadonlyArray<string> }

export const mineOf = (items: ReadonlyArray<Item>, userId: string): Mine | undefined => {
  let mine: Record<string, ReadonlyArray<string>> | undefined
  for (const item of items) {
    if (item.kind !== "reactions") continue
    const hidden = Object.entries(item.users)
      .filter(([, all]) => all.indexOf(userId) >= SHOWN_REACTORS)
      .map(([emoji]) => emoji)
    if (hidden.length > 0) (mine ??= {})[item.messageId] = hidden
  }
  return mine
}

/** A page. Without `window` it holds every change in (after, upTo]; with it, a part of the view from seq `from` on. */
export interface ChangesFrame {
  readonly type: "changes"
  readonly conversationId: string
  readonly epoch: string
  readonly after: number
  /** The cursor's change once applied; of a window only when `more` is false. */
  readonly upTo: number
  readonly items: ReadonlyArray<WireItem>
  /** The oldest message kept: nothing below it can be asked for. */
  readonly firstSeq: number
  readonly more: boolean
  readonly window?: { readonly from: number }
  readonly mine?: Mine
  readonly users?: ReadonlyArray<UserProfile>
}

export const RESYNC_REASONS = ["epoch_changed", "unknown_cursor", "too_far_behind"] as const
export type ResyncReason = (typeof RESYNC_REASONS)[number]

/** The cursor cannot be served; a window follows. */
export interface ResyncFrame {
  readonly type: "resync"
  readonly conversationId: string
  readonly reason: ResyncReason
}

export const LIVE_TYPES = [
  "new_message",
  "message_updated",
  "message_deleted",
  "reactions_changed",
  "member_changed",
  "conversation_changed",
] as const
export type LiveType = (typeof LIVE_TYPES)[number]

/** One change, as it happens. All six types are the same upsert. */
export interface LiveFrame {
  readonly type: LiveType
  readonly conversationId: string
  readonly change: number
  readonly item: WireItem
}

/** `lastSeq` is the greatest seq the reader was shown before. */
export const liveTypeOf = (item: Item, lastSeq: number): LiveType => {
  switch (item.kind) {
    case "message":
      return item.deleted !== undefined ? "message_deleted" : item.seq > lastSeq ? "new_message" : "message_updated"
    case "reactions":
      return "reactions_changed"
    case "member":
      return "member_changed"
    case "conversation":
      return "conversation_changed"
  }
}

export interface AnswerTextFrame {
  readonly type: "answer_delta" | "answer_snapshot"
  readonly conversationId: string
  readonly messageId: string
  readonly revision: number
  readonly part: number
  /** UTF-16 code units. */
  readonly offset: number
  readonly text: string
}

/** The reader lost the conversation: nothing more comes of it. */
export interface UnsubscribedFrame {
  readonly type: "unsubscribed"
  readonly conversationId: string
  readonly code: "conversation_not_found" | "internal"
}

export interface WelcomeFrame {
  readonly type: "welcome"
  readonly protocol: number
  readonly features: ReadonlyArray<string>
  readonly limits: { readonly [name: string]: number }
  readonly userId: string
}

export interface ReplyFrame {
  readonly type: "reply"
  readonly id: string
  readonly [field: string]: unknown
}

export interface ErrorFrame {
  readonly type: "error"
  /** Absent when the request had no usable one. */
  readonly id?: string
  readonly error: ErrorBody
}

/** The server is about to go: connect again, after this many milliseconds. */
export interface DrainFrame {
  readonly type: "drain"
  readonly retryAfterMs: number
}

/**
 * The last frame over a transport that has no close codes of its own (server-sent events); over WebSocket the close frame says the same.
 * `closeReaction(code)` is what the client does next. A stream that ends without it was cut, and is to be resumed like any other.
 */
export interface ClosedFrame {
  readonly type: "closed"
  readonly code: number
  readonly reason: CloseReason
}

export type ServerFrame =
  | ChangesFrame
  | ResyncFrame
  | LiveFrame
  | AnswerTextFrame
  | UnsubscribedFrame
  | WelcomeFrame
  | ReplyFrame
  | ErrorFrame
  | DrainFrame
  | ClosedFrame
  | { readonly type: "pong"; readonly id: string }
