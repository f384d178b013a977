/** `GET sync`: poll and long-poll over the gateway's `sync`, and `GET messages`, the same for one session without waiting. */
import { createHash } from "node:crypto"
import type { IncomingMessage } from "node:http"
import * as Effect from "effect/Effect"
import {
  type Chat,
  chatError,
  type ChatError,
  type EngineError,
  type HeldAnswer,
  isCleanText,
  parseHeldAnswer,
  type Principal,
  type SyncInput,
} from "@parley/core"
import type { Answer } from "./answer.ts"
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

const isRefusal = (value: object): value is ChatError => "_tag" in value

export const parseSync = (query: URLSearchParams, maxConversations: number): SyncInput | ChatError => {
  for (const name of query.keys()) if (name !== "c" && name !== "a" && name !== "wait") return unknownParameter(name)
  const cs = query.getAll("c")
  if (cs.length === 0) return invalid("c", "names at least one conversation")
  if (cs.length > maxConversations) return invalid("c", `names more than ${maxConversations} conversations`)
  const conversations: Array<SyncInput["conversations"][number]> = []
  const seen = new Set<string>()
  for (const [i, text] of cs.entries()) {
    const parsed = parseConversation(text, `c/${i}`)
    if (isRefusal(parsed)) return parsed
    if (seen.has(parsed.conversationId)) return invalid(`c/${i}`, "names a conversation a second time")
    seen.add(parsed.conversationId)
    conversations.push(parsed)
  }
  const answers: Array<HeldAnswer> = []
  const as = query.getAll("a")
  if (as.length > MAX_HELD) return invalid("a", `names more than ${MAX_HELD} answers`)
  for (const [i, text] of as.entries()) {
    const held = parseHeldAnswer(text)
    if (held === undefined) return invalid(`a/${i}`, "reads <messageId>@<revision>.<length>")
    answers.push(held)
  }
  const [wait = "0", ...more] = query.getAll("wait")
  if (more.length > 0 || !SECONDS.test(wait) || Number(wait) > MAX_WAIT)
    return invalid("wait", `is one number of seconds from 0 to ${MAX_WAIT}`)
  return { conversations, answers, wait: Number(wait) * 1_000 }
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

const tagOf = (state: string): string => `"${createHash("sha256").update(state).digest("base64url").slice(0, 22)}"`

/** Weak comparison, RFC 9110 §13.1.2: a proxy that compressed the answer made its tag weak. */
const matches = (header: string | undefined, tag: string): boolean =>
  (header ?? "").split(",").some((entry) => entry.trim().replace(/^W\//, "") === tag)

export const answerSync = (
  chat: Chat,
  principal: Principal,
  request: IncomingMessage,
  input: SyncInput | ChatError,
): Effect.Effect<Answer, EngineError> =>
  Effect.gen(function* () {
    if (isRefusal(input)) return yield* Effect.fail(input)
    // Who waits here while the server leaves would be cut off; the client asks again, elsewhere.
    const { frames, state } = yield* chat.gateway.sync(principal, chat.gateway.draining() ? { ...input, wait: 0 } : input)
    const headers = { ETag: tagOf(state), "Cache-Control": "private, no-cache" }
    return frames.length === 0 && matches(request.headers["if-none-match"], headers.ETag)
      ? { status: 304, headers }
      : { status: 200, headers, body: { frames } }
  })
