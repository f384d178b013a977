/** A chat on a `node:http` or `node:https` server: routes and WebSocket, beside whatever else the server answers. */
import type { Buffer } from "node:buffer"
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http"
import type { Server as HttpsServer } from "node:https"
import type { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import { type Chat, chatError, errorBody } from "@parley/core"
import { commonHeaders, errorAnswer, sendAnswer } from "./answer.ts"
import { correlationIdOf, type DoorOptions } from "./door.ts"
import { httpHandler } from "./handler.ts"
import { refuseUpgrade } from "./refuse-upgrade.ts"

export interface Served {
  /**
   * Lets go of the server: asks clients of WebSockets and event streams to connect elsewhere, ends long-polls, waits for requests in progress, and puts back the
   * listeners that were there. The server itself goes on listening; closing it is its owner's. The second call waits for the first.
   */
  readonly close: () => Promise<void>
}

/** Milliseconds. */
const HEADERS_TIMEOUT = 10_000
/** Longer than the usual 60 s of proxies: the side that picks a connection for the next request should be the one that ends it. */
const KEEP_ALIVE_TIMEOUT = 65_000

/**
 * Paths below the prefixes are Parley's. All others go to the `request` listeners that the server had before, so call this after
 * those are attached; without any they are answered with `route_not_found`.
 *
 * @example
 * const server = createServer(app)
 * const served = serve(chat, server)
 * server.listen(8080)
 */
export const serve = (chat: Chat, server: Server | HttpsServer, options: DoorOptions = {}): Served => {
  const handler = httpHandler(chat, options)
  // An emitter knows its listeners as `Function` only; those of `request` take these two.
  const others = server.listeners("request") as unknown as ReadonlyArray<RequestListener>

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (handler.owns(request)) return void handler(request, response)
    if (others.length === 0) return void notFound(request, response)
    for (const other of others) other.call(server, request, response as Parameters<RequestListener>[1])
  }

  // Loaded here, so that `ws` may be missing where only HTTP is wanted.
  const upgrades = import("../websocket/index.ts").then(
    ({ websocketUpgrade }) => websocketUpgrade(chat, options),
    async (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : "unknown"
      const warning = Effect.logWarning("WebSocket is not served; install `ws` beside @parley/adapters to serve it", { reason })
      // A chat that is closed by now cannot log, and need not.
      await chat.run(warning).catch(() => undefined)
      return undefined
    },
  )

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (!handler.owns(request) && server.listenerCount("upgrade") > 1) return
    const abandon = (): void => void socket.destroy()
    socket.on("error", abandon)
    void upgrades.then((upgrade) => {
      socket.off("error", abandon)
      if (upgrade?.(request, socket, head) !== true)
        refuseUpgrade(socket, errorBody(chatError("route_not_found"), correlationIdOf()))
    })
  }

  if (server.headersTimeout === 0 || server.headersTimeout > HEADERS_TIMEOUT) server.headersTimeout = HEADERS_TIMEOUT
  if (server.keepAliveTimeout < KEEP_ALIVE_TIMEOUT) server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT
  server.removeAllListeners("request").on("request", onRequest)
  server.on("upgrade", onUpgrade)

  const close = async (): Promise<void> => {
    server.off("upgrade", onUpgrade).off("request", onRequest)
    for (const other of others) server.on("request", other)
    const upgrade = await upgrades
    await Promise.all([handler.close(), upgrade?.close()])
  }
  let closed: Promise<void> | undefined
  return { close: () => (closed ??= close()) }
}

const notFound = (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const correlationId = correlationIdOf()
  const answer = errorAnswer(errorBody(chatError("route_not_found"), correlationId))
  return sendAnswer(request, response, answer, commonHeaders(correlationId))
}
