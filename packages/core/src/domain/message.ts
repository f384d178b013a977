/**
 * A person's message after it was sent.
 *
 *     sent ──edited──▶ sent (edits + 1) ──deleted──▶ deleted (tombstone)
 *
 * Invariants: a tombstone never changes and has no content; id, author, type, seq and clientMessageId never change;
 * a transition that alters nothing is no put. Editing an answered message changes no answer.
 */
import type { Author, Json, MessageBody, MessageType, Part, SystemNotice } from "./item.ts"

export interface NewMessage {
  readonly id: string
  readonly author: Author
  readonly type: MessageType
  readonly parts: ReadonlyArray<Part>
  readonly replyTo?: string
  readonly metadata?: { readonly [key: string]: Json }
  readonly clientMessageId?: string
}

export const newMessage = (input: NewMessage): MessageBody => ({ kind: "message", v: 1, ...input })

export const systemMessage = (id: string, notice: SystemNotice): MessageBody => ({
  kind: "message",
  id,
  v: 1,
  author: { kind: "system" },
  type: "system",
  parts: [],
  notice,
})

export type MessageEvent =
  | { readonly type: "edited"; readonly parts: ReadonlyArray<Part>; readonly metadata?: { readonly [key: string]: Json } }
  | { readonly type: "deleted"; readonly by: string }

export type MessageTransition =
  | { readonly type: "changed"; readonly message: MessageBody }
  | { readonly type: "unchanged" }
  /** A tombstone takes no edit. */
  | { readonly type: "refused" }

export const transitionMessage = (message: MessageBody, event: MessageEvent): MessageTransition => {
  if (message.deleted !== undefined) return event.type === "deleted" ? { type: "unchanged" } : { type: "refused" }
  if (event.type === "deleted") {
    const { metadata: _metadata, ...rest } = message
    return { type: "changed", message: { ...rest, parts: [], deleted: { by: event.by } } }
  }
  if (sameJson(message.parts, event.parts) && (event.metadata === undefined || sameJson(message.metadata, event.metadata)))
    return { type: "unchanged" }
  return {
    type: "changed",
    message: {
      ...message,
      parts: event.parts,
      edits: (message.edits ?? 0) + 1,
      ...(event.metadata === undefined ? {} : { metadata: event.metadata }),
    },
  }
}

/** Both sides are JSON that went through the same decoder, so equal content has equal text but for key order, which only costs a spare edit. */
const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
