/** A whole chat on a real port, and clients that speak to it as strangers do: `ws`, `fetch`, bare sockets. */
import { createServer, type Server } from "node:http"
import type { Server as HttpsServer } from "node:https"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { afterEach } from "vitest"
import { type ClientOptions, WebSocket } from "ws"
import { type AiEvent, type AiProvider, type Chat, type ChatOptions, createChat, type LogEntry, type Sink } from "@parley/core"
import { type DoorOptions, serve, type Served } from "@parley/adapters/http"
import { devAuthenticator } from "@parley/adapters/jwt"
import { memoryBus, memoryStorage } from "@parley/adapters/memory"

export type Json = Readonly<Record<string, any>>

export interface Host {
  readonly chat: Chat
  readonly server: Server | HttpsServer
  readonly served: Served
  readonly port: number
  /** Such as `http://127.0.0.1:8080/v1/chat`. */
  readonly base: string
  readonly logs: ReadonlyArray<LogEntry>
  /** The outgoing side of every connection, in the order they came. */
  readonly sinks: ReadonlyArray<Sink>
  readonly close: () => Promise<void>
}

/** Long enough for a busy machine, and shorter than a test: whoever waits in vain is told for what. */
const PATIENCE = 20_000

const hosts: Array<Host> = []
const clients: Array<WebSocket> = []

/** Ends what a test has opened, also after a failure. */
export const closeAfterEach = (): void => {
  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate()
    await Promise.all(hosts.splice(0).map((host) => host.close()))
  })
}

export interface HostOptions extends Partial<Omit<ChatOptions, "log" | "logLevel">>, DoorOptions {
  /** Before Parley is attached to it. */
  readonly server?: Server | HttpsServer
  /** Of that server; "http" when absent. */
  readonly scheme?: string
}

export const openHost = async ({
  server = createServer(),
  scheme = "http",
  prefix,
  allowedOrigins,
  cookie,
  ...options
}: HostOptions = {}): Promise<Host> => {
  const logs: Array<LogEntry> = []
  const sinks: Array<Sink> = []
  const real = await createChat({
    storage: Layer.merge(memoryStorage(), memoryBus()),
    authenticate: devAuthenticator(),
    log: (entry) => void logs.push(entry),
    logLevel: "Debug",
    ...options,
  })
  // The same chat, whose sinks are remembered on their way in.
  const chat: Chat = {
    ...real,
    gateway: {
      ...real.gateway,
      connect: (sink, principal) => {
        sinks.push(sink)
        return real.gateway.connect(sink, principal)
      },
    },
  }
  const served = serve(chat, server, {
    ...(prefix === undefined ? {} : { prefix }),
    ...(allowedOrigins === undefined ? {} : { allowedOrigins }),
    ...(cookie === undefined ? {} : { cookie }),
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await served.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await chat.close()
  }
  const host: Host = {
    chat,
    server,
    served,
    port,
    base: `${scheme}://127.0.0.1:${port}/v1/chat`,
    logs,
    sinks,
    close: () => (closed ??= close()),
  }
  hosts.push(host)
  return host
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed, when there is a body. */
  readonly body: Json
}

export interface Call {
  readonly body?: unknown
  readonly raw?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
  /** `null` sends no Authorization header. */
  readonly token?: string | null
  readonly signal?: AbortSignal
}

export type Api = (method: string, path: string, call?: Call) => Promise<Answered>

/** Speaks HTTP for a user. */
export const apiOf =
  (host: Host, user: string): Api =>
  async (method, path, { body, raw, headers = {}, token = `dev:${user}`, signal } = {}) => {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await fetch(`${host.base}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(payload === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(payload === undefined ? {} : { body: payload }),
      ...(signal === undefined ? {} : { signal }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: text === "" ? {} : (JSON.parse(text) as Json) }
  }

export interface Closed {
  readonly code: number
  readonly reason: string
}

export interface Client {
  readonly socket: WebSocket
  /** Everything that came, in order. */
  readonly frames: ReadonlyArray<Json>
  readonly closed: Promise<Closed>
  readonly send: (frame: unknown) => void
  readonly raw: (text: string | Buffer, options?: { readonly binary: boolean }) => void
  /** Sends a request and resolves with its reply or error. */
  readonly ask: (request: Json) => Promise<Json>
  /** The first frame, past or to come, that fits. Rejects when the connection ends without one. */
  readonly find: (fits: (frame: Json) => boolean) => Promise<Json>
}

export const connect = async (
  host: Host,
  token: string | undefined,
  options: ClientOptions = {},
  path = "/ws",
): Promise<Client> => {
  const socket = new WebSocket(`${host.base.replace("http", "ws")}${path}`, {
    ...options,
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...options.headers },
  })
  clients.push(socket)
  const frames: Array<Json> = []
  const watchers = new Set<() => void>()
  let over: Closed | undefined
  const closed = new Promise<Closed>((resolve) => {
    socket.on("close", (code, reason) => {
      over = { code, reason: String(reason) }
      resolve(over)
      for (const watch of watchers) watch()
    })
  })
  socket.on("message", (data: Buffer) => {
    frames.push(JSON.parse(data.toString()) as Json)
    for (const watch of watchers) watch()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve)
    socket.once("error", reject)
    socket.once("unexpected-response", (_request, response) => {
      response.resume()
      reject(new Error(`refused with ${response.statusCode}`))
    })
  })
  socket.on("error", () => {})
  let asked = 0
  const send = (frame: unknown): void => socket.send(JSON.stringify(frame))
  const find = (fits: (frame: Json) => boolean): Promise<Json> =>
    new Promise((resolve, reject) => {
      let looked = 0
      const settle = (act: () => void): void => {
        watchers.delete(watch)
        clearTimeout(patience)
        act()
      }
      const watch = (): void => {
        for (; looked < frames.length; looked++) {
          const frame = frames[looked] as Json
          if (fits(frame)) return settle(() => resolve(frame))
        }
        if (over === undefined) return
        const { code, reason } = over
        settle(() => reject(new Error(`the connection ended with ${code} ${reason} before the frame came`)))
      }
      const patience = setTimeout(() => {
        const came = frames.map((frame) => frame["type"]).slice(-10)
        settle(() => reject(new Error(`no such frame within ${PATIENCE} ms; the last ones were ${came.join(", ")}`)))
      }, PATIENCE)
      watchers.add(watch)
      watch()
    })
  return {
    socket,
    frames,
    closed,
    send,
    find,
    raw: (text, sendOptions = { binary: false }) => socket.send(text, sendOptions),
    ask: (request) => {
      const id = `q${(asked += 1)}`
      send({ id, ...request })
      const awaited = typeof request["id"] === "string" ? request["id"] : id
      return find((frame) => frame["id"] === awaited && (frame["type"] === "reply" || frame["type"] === "error"))
    },
  }
}

/** An upgrade that was refused, as the answer it got. */
export const refusedUpgrade = (
  host: Host,
  headers: Readonly<Record<string, string>>,
  path = "/v1/chat/ws",
): Promise<Answered | "accepted"> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${host.port}${path}`, { headers: { ...headers } })
    clients.push(socket)
    socket.on("open", () => resolve("accepted"))
    socket.on("error", reject)
    socket.on("unexpected-response", (_request, response) => {
      let text = ""
      response.on("data", (chunk) => (text += String(chunk)))
      response.on("end", () =>
        resolve({
          status: response.statusCode as number,
          headers: new Headers(response.headers as Record<string, string>),
          text,
          body: JSON.parse(text) as Json,
        }),
      )
    })
  })

/** An assistant that says what the test says, when the test says it. */
export const scriptedAi = () => {
  const events = Effect.runSync(Queue.unbounded<AiEvent>())
  const provider: AiProvider = {
    name: "scripted",
    stream: () => Stream.fromQueue(events).pipe(Stream.takeUntil((event) => event.type === "finished")),
  }
  const push = (event: AiEvent): void => void Queue.offerUnsafe(events, event)
  return {
    provider,
    say: (text: string) => push({ type: "text", text }),
    finish: () => push({ type: "finished", reason: "stop" }),
  }
}

/** Where a conversation stands, for "nothing was stored". */
export const standOf = async (host: Host, user: string, conversationId: string) => ({
  listing: await host.chat.as({ userId: user }).get(conversationId),
  history: await host.chat.as({ userId: user }).history(conversationId),
  conversations: (await host.chat.as({ userId: user }).list({ limit: 100 })).conversations.length,
})
