/** The HTTP side of the program: health, the page, the chat, and nothing else. */
import { randomBytes } from "node:crypto"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { type Chat, type ChatError, chatError, errorBody, ERRORS } from "@parley/core"
import { httpHandler } from "@parley/adapters/http"
import { websocketUpgrade } from "@parley/adapters/websocket"
import { healthAnswer } from "./health.ts"
import type { HostRule } from "./host-rule.ts"
import { pageRoutes } from "./page.ts"
import { refuseUpgrade } from "./refuse-upgrade.ts"

export interface HttpServerOptions {
  readonly prefixes: readonly [string, ...ReadonlyArray<string>]
  readonly allowedOrigins: ReadonlyArray<string>
  readonly developmentLogin: boolean
  readonly suggestions: ReadonlyArray<string>
  readonly allowsHost: HostRule
  readonly stopping: () => boolean
}

export interface HttpServer {
  readonly server: Server
  /** Moves what is left of the clients, waits for requests in progress, and stops listening. */
  readonly close: () => Promise<void>
}

/** Milliseconds. Headers that take longer are an attack; idle connections outlive the 60 s of most proxies, so that those close first. */
const HEADERS_TIMEOUT = 10_000
const KEEP_ALIVE_TIMEOUT = 65_000
const CLOSE_TIMEOUT = 1_000

export const makeHttpServer = (chat: Chat, options: HttpServerOptions): HttpServer => {
  const { prefixes, allowedOrigins, developmentLogin, suggestions, allowsHost, stopping } = options
  const door = { prefix: prefixes, allowedOrigins }
  const handler = httpHandler(chat, door)
  const upgrade = websocketUpgrade(chat, door)
  const { maxMessageLength } = chat.limits
  const page = pageRoutes({ developmentLogin, prefix: prefixes[0], suggestions, maxMessageLength }, prefixes)

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!allowsHost(request.headers.host)) return sendJson(response, refusal(WRONG_HOST))
    const path = (request.url ?? "").replace(/\?.*$/su, "")
    // First, because the descriptions stand below the chat's own prefixes.
    if (page(request, response, path) || (await handler(request, response))) return
    const health = request.method === "GET" || request.method === "HEAD" ? await healthAnswer(path, chat, stopping) : undefined
    sendJson(response, health ?? refusal(chatError("route_not_found")))
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  server.headersTimeout = HEADERS_TIMEOUT
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!allowsHost(request.headers.host)) refuseUpgrade(socket, "403 Forbidden")
    else if (!upgrade(request, socket, head)) refuseUpgrade(socket, "404 Not Found")
  })

  return {
    server,
    close: async () => {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
      await Promise.all([handler.close(), upgrade.close()])
      // What was answered is on its way; a client that does not take it must not keep the process.
      server.closeIdleConnections()
      const impatience = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT)
      await stopped
      clearTimeout(impatience)
    },
  }
}

/** For requests that never reach the chat; what does is answered by the chat in the same form. */
const refusal = (error: ChatError): { readonly status: number; readonly body: object } => ({
  status: ERRORS[error.code].status,
  body: { error: errorBody(error, `req_${randomBytes(9).toString("base64url")}`) },
})

const WRONG_HOST = chatError("origin_not_allowed", {
  problem: "the development login answers under names of this machine only, such as localhost; PARLEY_JWT_SECRET lets others in",
})

const sendJson = (response: ServerResponse, { status, body }: { readonly status: number; readonly body: object }): void => {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  })
  response.end(text)
}
