/**
 * What a conversation's log holds: messages, the reactions of one message, members, and the conversation
 * itself. An item's *body* is what the engine decides; the *stamps* (change, seq, times) are the store's.
 */
import type { AnswerFields } from "./answer.ts"

/** JSON as it travels: what metadata and context may hold. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** A piece of a message. Parts of unknown type are kept and skipped, so that newer writers do not break older readers. */
export type Part = TextPart | SourcePart | UnknownPart
export interface TextPart {
  readonly type: "text"
  readonly text: string
}
/** Where an answer took its words from. `score` is a retrieval score, comparable inside one answer only. */
export interface SourcePart {
  readonly type: "source"
  readonly title: string
  readonly uri: string
  readonly score?: number
}
export interface UnknownPart {
  readonly type: "reasoning" | "tool" | "data"
  readonly [key: string]: Json | undefined
}

export const MESSAGE_TYPES = ["text", "image", "file", "audio", "video", "poll", "system", "ai_response"] as const
export type MessageType = (typeof MESSAGE_TYPES)[number]

export type Author =
  | { readonly kind: "user"; readonly id: string }
  | { readonly kind: "assistant"; readonly id: string }
  | { readonly kind: "system" }

/** What happened to the membership: a kind and ids, no prose, so that clients word it in their language. */
export interface SystemNotice {
  readonly kind: "joined" | "left" | "invited"
  readonly userIds: ReadonlyArray<string>
}

export interface MessageBody {
  readonly kind: "message"
  readonly id: string
  readonly v: 1
  readonly author: Author
  readonly type: MessageType
  readonly parts: ReadonlyArray<Part>
  readonly replyTo?: string
  readonly metadata?: { readonly [key: string]: Json }
  readonly clientMessageId?: string
  /** How often the text was changed after sending; absent for never. */
  readonly edits?: number
  /** A tombstone: the message keeps its seq, its content is gone. */
  readonly deleted?: { readonly by: string }
  readonly notice?: SystemNotice
  /** Present on an AI's message and on no other. */
  readonly answer?: AnswerFields
}

export interface ReactionsBody {
  readonly kind: "reactions"
  readonly id: string
  readonly v: 1
  readonly messageId: string
  /** Everybody who reacted, per emoji, in the order they did. The wire shows a count and the first 20. */
  readonly users: { readonly [emoji: string]: ReadonlyArray<string> }
}

export const ROLES = ["owner", "admin", "moderator", "member"] as const
export type Role = (typeof ROLES)[number]
export const MEMBER_STATUSES = ["invited", "joined", "left", "removed", "banned"] as const
export type MemberStatus = (typeof MEMBER_STATUSES)[number]

export interface MemberBody {
  readonly kind: "member"
  readonly id: string
  readonly v: 1
  readonly userId: string
  readonly role: Role
  readonly status: MemberStatus
  /** Reads but may not write. */
  readonly muted?: boolean
}

export const CONVERSATION_TYPES = ["session", "private", "direct", "group", "public", "announcement"] as const
export type ConversationType = (typeof CONVERSATION_TYPES)[number]
export type ConversationStatus = "active" | "closed" | "expired"

export interface ConversationBody {
  readonly kind: "conversation"
  readonly id: string
  readonly v: 1
  readonly type: ConversationType
  readonly status: ConversationStatus
  readonly createdBy: string
  readonly name?: string
  readonly description?: string
  /** A session's context (client, meeting type, …): feeds the prompt, never its system part. */
  readonly context?: SessionContext
  readonly maxMembers: number
}

export interface SessionContext {
  readonly clientName?: string
  readonly meetingType?: string
  readonly projectContext?: string
  readonly serviceTypes?: ReadonlyArray<string>
  readonly cloudProviders?: ReadonlyArray<string>
  readonly customFields?: { readonly [key: string]: Json }
}

export type ItemBody = MessageBody | ReactionsBody | MemberBody | ConversationBody

/** Set by the store in the commit that writes the item, on the store's clock. */
export interface Stamps {
  /** The change that made this version. */
  readonly change: number
  /** Milliseconds since the Unix epoch; never decreases within a conversation. */
  readonly createdAt: number
  readonly updatedAt: number
}

export type Message = MessageBody & Stamps & { readonly seq: number }
export type Reactions = ReactionsBody & Stamps
export type Member = MemberBody & Stamps
export type Conversation = ConversationBody & Stamps
export type Item = Message | Reactions | Member | Conversation

/** The words of a message: its text parts, joined. */
export const textOf = (message: { readonly parts: ReadonlyArray<Part> }): string => {
  let text = ""
  for (const part of message.parts) if (part.type === "text") text += part.text
  return text
}
