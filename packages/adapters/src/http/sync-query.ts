/** The queries of routes that read conversations: `sync`, `events`, `messages`. */
import { chatError, type ChatError, type HeldAnswer, isCleanText, parseHeldAnswer, type SyncInput } from "@parley/core"
import { unknownParameter } from "./door.ts"

/** As many as `subscribe` takes. */
const MAX_HELD = 50
const MAX_ID = 64
/** Longer than any cursor of ours. One that is merely wrong reaches `sync`, which answers with a window. */
const MAX_CURSOR = 64
/** Seconds; what is above the server's `longPollMax` is cut down to it. */
const MAX_WAIT = 25
const SECONDS = /^\d{1,3}(\.\d{1,3})?$/

const invalid = (path: string, problem: string): ChatError => chatError("invalid_request", { path: `/query/${path}`, problem })

const parseConversation = (text: string, path: string): SyncInput["conversations"][number] | ChatError => {
  const at = text.indexOf("@")
  const conversationId = at === -1 ? text : text.slice(0, at)
  if (conversationId.length === 0 || conversationId.length > MAX_ID || !isCleanText(text))
    return invalid(path, "reads <conversation> or <conversation>@<cursor>")
  if (at === -1) return { conversationId }
  const cursor = text.slice(at + 1)
  return cursor.length > MAX_CURSOR ? invalid(path, `has a cursor longer than ${MAX_CURSOR}`) : { conversationId, cursor }
}

export const isRefusal = (value: object): value is ChatError => "_tag" in value

/** What a client follows: conversations, each from a cursor or from its newest messages, and the text it holds of open answers. */
export interface Followed {
  readonly conversations: ReadonlyArray<SyncInput["conversations"][number]>
  readonly answers: ReadonlyArray<HeldAnswer>
}

const parseConversations = (query: URLSearchParams, max: number): Followed["conversations"] | ChatError => {
  const cs = query.getAll("c")
  if (cs.length === 0) return invalid("c", "names at least one conversation")
  if (cs.length > max) return invalid("c", `names more than ${max} conversations`)
  const conversations: Array<Followed["conversations"][number]> = []
  const seen = new Set<string>()
  for (const [i, text] of cs.entries()) {
    const parsed = parseConversation(text, `c/${i}`)
    if (isRefusal(parsed)) return parsed
    if (seen.has(parsed.conversationId)) return invalid(`c/${i}`, "names a conversation a second time")
    seen.add(parsed.conversationId)
    conversations.push(parsed)
  }
  return conversations
}

const parseFollowed = (query: URLSearchParams, maxConversations: number): Followed | ChatError => {
  const conversations = parseConversations(query, maxConversations)
  if (isRefusal(conversations)) return conversations
  const answers: Array<HeldAnswer> = []
  const as = query.getAll("a")
  if (as.length > MAX_HELD) return invalid("a", `names more than ${MAX_HELD} answers`)
  for (const [i, text] of as.entries()) {
    const held = parseHeldAnswer(text)
    if (held === undefined) return invalid(`a/${i}`, "reads <messageId>@<revision>.<length>")
    answers.push(held)
  }
  return { conversations, answers }
}

export const parseSync = (query: URLSearchParams, maxConversations: number): SyncInput | ChatError => {
  for (const name of query.keys()) if (name !== "c" && name !== "a" && name !== "wait") return unknownParameter(name)
  const followed = parseFollowed(query, maxConversations)
  if (isRefusal(followed)) return followed
  const [wait = "0", ...more] = query.getAll("wait")
  if (more.length > 0 || !SECONDS.test(wait) || Number(wait) > MAX_WAIT)
    return invalid("wait", `is one number of seconds from 0 to ${MAX_WAIT}`)
  return { ...followed, wait: Number(wait) * 1_000 }
}

/** The `c` list once more, with other cursors: what `parseEvents` takes back as the id of the last event. */
export const formatConversations = (cursors: Iterable<readonly [conversationId: string, cursor: string | undefined]>): string =>
  Array.from(cursors, ([id, cursor]) =>
    cursor === undefined ? `c=${encodeURIComponent(id)}` : `c=${encodeURIComponent(id)}@${encodeURIComponent(cursor)}`,
  ).join("&")

/**
 * `lastEventId` comes from a browser that connects again by itself, with the URL of its first time: where it names a conversation it knows
 * better. What the URL says of answers is as old, and might be of another epoch; their text comes from its beginning then. An id that is none
 * of ours says nothing.
 */
export const parseEvents = (
  query: URLSearchParams,
  maxConversations: number,
  lastEventId: string | undefined,
): Followed | ChatError => {
  for (const name of query.keys()) if (name !== "c" && name !== "a") return unknownParameter(name)
  const followed = parseFollowed(query, maxConversations)
  if (isRefusal(followed) || lastEventId === undefined) return followed
  const last = parseConversations(new URLSearchParams(lastEventId), maxConversations)
  if (isRefusal(last)) return followed
  const newer = new Map(last.map((conversation) => [conversation.conversationId, conversation]))
  return {
    conversations: followed.conversations.map((conversation) => newer.get(conversation.conversationId) ?? conversation),
    answers: [],
  }
}

/** `sessionId` and `since` as one conversation of `sync`. */
export const parseMessages = (query: URLSearchParams): SyncInput | ChatError => {
  for (const name of query.keys()) {
    if (name !== "sessionId" && name !== "since") return unknownParameter(name)
    if (query.getAll(name).length > 1) return invalid(name, "is given twice")
  }
  const conversationId = query.get("sessionId") ?? ""
  const cursor = query.get("since")
  if (conversationId.length === 0 || conversationId.length > MAX_ID || !isCleanText(conversationId))
    return invalid("sessionId", "names a session")
  if (cursor !== null && (cursor.length > MAX_CURSOR || !isCleanText(cursor))) return invalid("since", "is no cursor")
  return { conversations: [{ conversationId, ...(cursor === null ? {} : { cursor }) }], answers: [], wait: 0 }
}
