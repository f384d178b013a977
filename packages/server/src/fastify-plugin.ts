/**
 * A chat inside a Fastify application. Hooks of the application run before its routes; bodies are left to the chat, which bounds them itself.
 * Besides the chat's routes there are `{prefix}/healthz` and `{prefix}/readyz`.
 *
 * The chat stays its owner's: closing the application ends the connections, and closing the chat comes after that.
 */
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import type { FastifyInstance } from "fastify"
import type { Chat } from "@parley/core"
import { httpHandler } from "@parley/adapters/http"
import { websocketUpgrade } from "@parley/adapters/websocket"
import { healthAnswer } from "./health.ts"
import { refuseUpgrade } from "./refuse-upgrade.ts"

export interface ParleyOptions {
  readonly chat: Chat
  /** Where the routes are mounted, below the prefix of the application that registers. Default: "/v1/chat". */
  readonly prefix?: string
  /** Web origins whose pages may connect, besides the server's own. Default: none. */
  readonly allowedOrigins?: ReadonlyArray<string>
  /** The name of a cookie that holds a user's token, taken from pages of the server's own and of those origins. Default: none. */
  readonly cookie?: string
}

const DEFAULT_PREFIX = "/v1/chat"

export const parley = async (app: FastifyInstance, options: ParleyOptions): Promise<void> => {
  const { chat, allowedOrigins = [], cookie } = options
  // Fastify itself puts the option `prefix` before every route of a plugin; without one the default has to stand in the routes.
  const own = options.prefix === undefined ? DEFAULT_PREFIX : ""
  const door = { prefix: app.prefix + own, allowedOrigins, ...(cookie === undefined ? {} : { cookie }) }
  const handler = httpHandler(chat, door)
  const upgrade = websocketUpgrade(chat, door)
  let closing = false

  app.removeAllContentTypeParsers()
  app.addContentTypeParser("*", (_request, _payload, done) => done(null))

  for (const path of ["/healthz", "/readyz"])
    app.get(own + path, async (_request, reply) => {
      const answer = await healthAnswer(path, chat, () => closing)
      return reply
        .code(answer?.status ?? 500)
        .header("cache-control", "no-store")
        .send(answer?.body)
    })
  app.all(`${own}/*`, (request, reply) => {
    reply.hijack()
    // What hooks have set so far (CORS, security headers) belongs to this answer too.
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value)
    void handler(request.raw, reply.raw)
  })

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (!handler.owns(request)) {
      // With other listeners it is theirs; alone, nobody else would ever answer.
      if (app.server.listenerCount("upgrade") === 1) refuseUpgrade(socket, "404 Not Found")
    } else if (closing) refuseUpgrade(socket, "503 Service Unavailable")
    else if (!upgrade(request, socket, head)) refuseUpgrade(socket, "404 Not Found")
  }
  app.server.on("upgrade", onUpgrade)

  // Before the server closes: it waits for its connections, and sockets and waiting polls would keep it for ever.
  app.addHook("preClose", async () => {
    closing = true
    await Promise.all([handler.close(), upgrade.close()])
  })
  app.addHook("onClose", async () => {
    app.server.off("upgrade", onUpgrade)
  })
}
