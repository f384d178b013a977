/** From a configuration to a server that listens. */
import type { AddressInfo } from "node:net"
import { type AuthenticatorShape, type AiProvider, type Chat, createChat, type StorageLayer } from "@parley/core"
import { devAuthenticator, jwksAuthenticator, jwtAuthenticator } from "@parley/adapters/jwt"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { memory } from "@parley/adapters/memory"
import { openaiProvider } from "@parley/adapters/openai"
import { sqlite } from "@parley/adapters/sqlite"
import type { Config } from "./config.ts"
import { anyHost, loopbackHosts } from "./host-rule.ts"
import { type HttpServer, makeHttpServer } from "./http-server.ts"
import { describeError, type Log } from "./logging.ts"

export interface Running {
  readonly chat: Chat
  readonly http: HttpServer
  /** The address that clients use, with the real port. */
  readonly url: string
}

/** Consoles expect the chat under the second. */
const PREFIXES = ["/v1/chat", "/api/v1/admin/chat"] as const

/** What the pages that come with the embedded assistant answer. */
const SUGGESTIONS = ["What is Parley?", "How do I add my own knowledge?", "What happens to an answer when I reload the page?"]

const LEVELS = { trace: "Trace", debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const

/** Rejects with the StorageError or the error of `listen` when it cannot; nothing is left open then. */
export const start = async (config: Config, log: Log, stopping: () => boolean): Promise<Running> => {
  const chat = await createChat({
    storage: storageOf(config),
    ai: providersOf(config),
    authenticate: authenticatorOf(config),
    limits: config.limits,
    timing: config.timing,
    log: log.entry,
    logLevel: LEVELS[config.logLevel],
  })
  const { allowedOrigins, login } = config
  const developmentLogin = login.kind === "development"
  try {
    const http = makeHttpServer(chat, {
      prefixes: PREFIXES,
      allowedOrigins,
      developmentLogin,
      suggestions: config.ai[0]?.kind === "knowledge" && config.knowledge.directory === undefined ? SUGGESTIONS : [],
      allowsHost: developmentLogin ? loopbackHosts(allowedOrigins) : anyHost,
      stopping,
    })
    await listen(http, config)
    // Such as too many open files: one connection is lost, the others must not be.
    http.server.on("error", (error) => log.write("error", "the HTTP server failed at something", describeError(error)))
    return { chat, http, url: urlOf(http, config.host) }
  } catch (error) {
    await chat.close()
    throw error
  }
}

const storageOf = ({ storage, dataDir }: Config): StorageLayer =>
  storage === "memory" ? memory() : sqlite({ directory: dataDir })

const providersOf = ({ ai, knowledge }: Config): ReadonlyArray<AiProvider> =>
  ai.map((target) =>
    target.kind === "openai" ? openaiProvider(target) : { ...knowledgeAssistant(knowledge), name: target.name },
  )

const authenticatorOf = ({ login }: Config): AuthenticatorShape =>
  login.kind === "development"
    ? devAuthenticator()
    : login.kind === "jwks"
      ? jwksAuthenticator({ ...login, keys: login.url })
      : jwtAuthenticator(login)

const listen = ({ server }: HttpServer, { host, port }: Config): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen({ host, port }, () => {
      server.off("error", reject)
      resolve()
    })
  })

const urlOf = ({ server }: HttpServer, host: string): string => {
  const { port } = server.address() as AddressInfo
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`
}
