/**
 * `GET events`: conversations followed by server-sent events. The frames are those of a WebSocket that subscribes to each conversation named
 * as soon as it is open; there are no replies, and what cannot be followed is `unsubscribed`. Commands go to `POST commands`.
 */
import type { ServerResponse } from "node:http"
import type { Chat, Principal } from "@parley/core"
import { encodeRetry } from "./event-stream.ts"
import { EventStreamSink } from "./event-stream-sink.ts"
import { type Followed, formatConversations } from "./sync-query.ts"

/** Granted, and not opened yet: until then whatever is wrong is answered like any other request. */
export interface EventStreamGrant {
  readonly principal: Principal
  readonly followed: Followed
}

export interface EventStream {
  /** Asks the client to connect elsewhere and ends the stream. */
  readonly close: () => void
  readonly ended: Promise<void>
}

const HEADERS = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store, no-transform",
  // Understood by nginx and those who follow it: pass on each piece as it comes.
  "X-Accel-Buffering": "no",
  // The client's next request is to find its own way, to another server when this one leaves.
  Connection: "close",
}

/** Milliseconds. Spread, so that the clients of a lost server do not all come at once. */
const RETRY_FROM = 1_000
const RETRY_SPREAD = 2_000

/** `undefined`, and nothing written, when the gateway takes no more connections. */
export const openEventStream = (
  chat: Chat,
  { principal, followed }: EventStreamGrant,
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
): EventStream | undefined => {
  const { conversations, answers } = followed
  const asked = formatConversations(conversations.map(({ conversationId, cursor }) => [conversationId, cursor]))
  const sink = new EventStreamSink(response, asked)
  const connection = chat.gateway.connect(sink, principal)
  if (connection === undefined) return undefined
  const ended = new Promise<void>((resolve) => sink.open(connection, resolve))
  response.writeHead(200, { ...headers, ...HEADERS })
  response.flushHeaders()
  response.write(encodeRetry(RETRY_FROM + Math.floor(Math.random() * RETRY_SPREAD)))
  for (const { conversationId, cursor } of conversations) connection.follow(conversationId, { cursor, held: answers })
  return { close: () => connection.close("drain"), ended }
}
