/**
 * From an HTTP upgrade request to a connection of the gateway. Whoever may not come in is told why in HTTP, before the upgrade.
 *
 * A token in the Authorization header or in a cookie, or a ticket in the URL, is checked first; without any the socket opens and its first frame has
 * to be `authenticate`, for which the gateway allows a few seconds.
 */
import type { Buffer } from "node:buffer"
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import { WebSocketServer } from "ws"
import { type Chat, type ChatError, chatError, errorBody, type Principal } from "@parley/core"
import { correlationIdOf, type DoorOptions, openDoor, tokenInQuery } from "../http/door.ts"
import { identify, redeem, ticketOf } from "../http/identify.ts"
import { refuseUpgrade } from "../http/refuse-upgrade.ts"
import { report } from "../http/run-request.ts"
import { ChatSocket, SocketSink } from "./socket-sink.ts"

export interface WebSocketUpgrade {
  /** Takes the request when its path is `{prefix}/ws`; `false` leaves socket and request untouched, for other listeners. */
  (request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  /** Asks every client to connect elsewhere. Resolves once all sockets are closed, a few seconds at most. */
  readonly close: () => Promise<void>
}

/** How long a client has to answer a close frame, milliseconds. */
const CLOSE_TIMEOUT = 3_000
/** Of one message. An honest one of 64 KiB in packets of a network has fifty; each costs more than it carries. */
const MAX_FRAGMENTS = 1_024

const refuse = (socket: Duplex, error: ChatError, correlationId: string): void =>
  refuseUpgrade(socket, errorBody(error, correlationId))

/**
 * @example
 * httpServer.on("upgrade", websocketUpgrade(chat, { allowedOrigins: ["https://app.example.com"] }))
 */
export const websocketUpgrade = (chat: Chat, options: DoorOptions = {}): WebSocketUpgrade => {
  const { gateway } = chat
  const door = openDoor(options)
  const open = new Set<ChatSocket>()
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: chat.limits.maxFrameBytes,
    maxFragments: MAX_FRAGMENTS,
    closeTimeout: CLOSE_TIMEOUT,
    WebSocket: ChatSocket,
  }
  const server = new WebSocketServer(settings)
  server.on("wsClientError", (error, socket) =>
    refuse(socket, chatError("invalid_request", { path: "/headers", problem: error.message }), correlationIdOf()),
  )
  /** Requests whose token is being checked: they are no connections yet, and count as such. */
  let knocking = 0
  let closing = false
  let whenEmpty: (() => void) | undefined

  function onClose(this: unknown): void {
    open.delete(this as ChatSocket)
    if (open.size === 0) whenEmpty?.()
  }

  const accept = (request: IncomingMessage, socket: Socket, head: Buffer, correlationId: string, principal?: Principal): void => {
    const sink = new SocketSink(socket)
    const connection = closing ? undefined : gateway.connect(sink, principal)
    if (connection === undefined) return refuse(socket, unavailable(), correlationId)
    sink.connection = connection
    // Runs its callback before it returns, or never.
    server.handleUpgrade(request, socket, head, (webSocket) => {
      sink.open(webSocket)
      open.add(webSocket)
      webSocket.on("close", onClose)
    })
    if (!sink.isOpen) sink.ended()
  }
  const unavailable = (): ChatError => chatError(closing || gateway.draining() ? "draining" : "overloaded")

  const identifyFirst = (
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    correlationId: string,
    ticket: string | undefined,
  ): void => {
    if (knocking + gateway.connections() >= chat.limits.maxConnections) return refuse(socket, unavailable(), correlationId)
    const abandon = (): void => void socket.destroy()
    socket.on("error", abandon)
    knocking += 1
    const who = ticket === undefined ? identify(chat, door, request, correlationId) : redeem(chat, request, ticket)
    const task = Effect.matchCauseEffect(who, {
      onSuccess: (principal) => Effect.succeed(() => accept(request, socket, head, correlationId, principal)),
      onFailure: (cause) => Effect.map(report(cause, "upgrade", correlationId), (error) => () => refuseUpgrade(socket, error)),
    })
    void chat
      .run(task)
      // The chat was closed meanwhile.
      .catch(() => () => refuse(socket, chatError("draining"), correlationId))
      .then((go) => {
        knocking -= 1
        socket.off("error", abandon)
        if (!socket.destroyed) go()
      })
  }

  const upgrade = (request: IncomingMessage, duplex: Duplex, head: Buffer): boolean => {
    const target = door.target(request)
    if (target?.path !== "ws") return false
    // Node's HTTP server upgrades sockets of net or tls, whatever the type of its event says.
    const socket = duplex as Socket
    const correlationId = correlationIdOf()
    const ticket = ticketOf(target.query)
    const problem = door.allows(request) ? tokenInQuery(target.query) : chatError("origin_not_allowed")
    if (problem !== undefined) refuse(socket, problem, correlationId)
    else if (ticket === undefined && request.headers.authorization === undefined && door.cookieToken(request) === undefined)
      accept(request, socket, head, correlationId)
    else identifyFirst(request, socket, head, correlationId, ticket)
    return true
  }

  const close = (): Promise<void> => {
    closing = true
    for (const webSocket of open) webSocket.sink?.connection?.close("drain")
    if (open.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      whenEmpty = resolve
    })
  }
  return Object.assign(upgrade, { close })
}
