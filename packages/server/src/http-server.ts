/** The HTTP side of the program: health, the page, the chat, and nothing else. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import type { Chat } from "@parley/core"
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

export const makeHttpServer = (chat: Chat, options: HttpServerOptions): HttpServer => {
  const { prefixes, allowedOrigins, developmentLogin, suggestions, allowsHost, stopping } = options
  const door = { prefix: prefixes, allowedOrigins }
  const handler = httpHandler(chat, door)
  const upgrade = websocketUpgrade(chat, door)
  const page = pageRoutes({ developmentLogin, prefix: prefixes[0], suggestions })

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!allowsHost(request.headers.host)) return sendJson(response, 421, WRONG_HOST)
    if (await handler(request, response)) return
    const path = (request.url ?? "").replace(/\?.*$/su, "")
    if (page(request, response, path)) return
    const health = request.method === "GET" || request.method === "HEAD" ? await healthAnswer(path, chat, stopping) : undefined
    if (health === undefined) sendJson(response, 404, NOT_FOUND)
    else sendJson(response, health.status, health.body)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  server.headersTimeout = HEADERS_TIMEOUT
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!allowsHost(request.headers.host)) refuseUpgrade(socket, "421 Misdirected Request")
    else if (!upgrade(request, socket, head)) refuseUpgrade(socket, "404 Not Found")
  })

  return {
    server,
    close: async () => {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      await Promise.all([handler.close(), upgrade.close()])
      server.closeAllConnections()
      await stopped
    },
  }
}

const NOT_FOUND = { error: { code: "route_not_found", message: "There is no such route." } }
const WRONG_HOST = {
  error: {
    code: "wrong_host",
    message:
      "The development login answers on names of this machine only, such as localhost; set PARLEY_JWT_SECRET to serve others.",
  },
}

const sendJson = (response: ServerResponse, status: number, body: object): void => {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  })
  response.end(text)
}
