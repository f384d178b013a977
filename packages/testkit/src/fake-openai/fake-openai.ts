/**
 * A server that speaks OpenAI's wire format on a port of its own, and fails as it is told to. What it was asked is recorded, and how far each
 * answer came, so that a test can see what a client did with its connection.
 *
 * To add a way to fail, add it to `FakeFault` and to `plan.ts`.
 */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises"
import { type Plan, planReply } from "./plan.ts"
import type { FakeApi, FakeReply } from "./reply.ts"

export interface FakeRequest {
  readonly api: FakeApi
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
  readonly body: { readonly [name: string]: unknown }
  /** The body of the answer, as far as the script goes. */
  readonly answer: Buffer
  /** Bytes of it that were handed to the connection so far. */
  readonly written: () => number
  /** `answered` to the end, `cut` by the script, or `aborted` by the client. */
  readonly closed: Promise<"answered" | "cut" | "aborted">
}

export interface FakeOpenAi {
  /** With the version, as a client's base URL. */
  readonly baseUrl: string
  /** Every request that was answered by a script, in the order they came. */
  readonly requests: ReadonlyArray<FakeRequest>
  /** Resolves with the nth request, from 1, as soon as it has come. */
  readonly request: (nth: number) => Promise<FakeRequest>
  /** Requests whose answer is neither whole nor broken off. */
  readonly active: () => number
  /** How the next requests are answered, one each; after them the reply of the options again. */
  readonly script: (...replies: ReadonlyArray<FakeReply>) => void
  /** No connection is accepted any more, those that exist are closed, and the port stays known as one that refuses. */
  readonly refuse: () => Promise<void>
  readonly close: () => Promise<void>
}

export interface FakeOpenAiOptions {
  /** For every request that no script is left for. */
  readonly reply?: FakeReply | ((request: Pick<FakeRequest, "api" | "headers" | "body">) => FakeReply)
}

export const fakeOpenAi = async ({ reply = {} }: FakeOpenAiOptions = {}): Promise<FakeOpenAi> => {
  const requests: Array<FakeRequest> = []
  const scripted: Array<FakeReply> = []
  const waiting: Array<{ readonly nth: number; readonly resolve: (request: FakeRequest) => void }> = []
  let active = 0

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const api = apiOf(incoming)
    const body = parse(await textOf(incoming))
    if (api === undefined || body?.["stream"] !== true || typeof body["model"] !== "string")
      return respond(outgoing, api === undefined ? 404 : 400, "invalid_request")
    if (!/^Bearer \S+$/u.test(incoming.headers.authorization ?? "")) return respond(outgoing, 401, "invalid_api_key")
    const asked = { api, headers: { ...incoming.headers }, body }
    const chosen = scripted.shift() ?? (typeof reply === "function" ? reply(asked) : reply)
    const options = body["stream_options"] as { readonly include_usage?: unknown } | undefined
    const plan = planReply(chosen, api, { model: body["model"], includeUsage: options?.include_usage === true })
    const running = answer(outgoing, plan, chosen.dripMs)
    active += 1
    void running.closed.then(() => (active -= 1))
    const request: FakeRequest = { ...asked, ...running, answer: Buffer.concat(plan.writes) }
    requests.push(request)
    for (const { nth, resolve } of waiting) if (nth === requests.length) resolve(request)
  }

  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing).catch(() => outgoing.destroy()))
  // An own address, so that a port of localhost that something else has on IPv6 is not met.
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo

  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, "close")
    server.close()
    server.closeAllConnections()
    await closed
  }
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    request: (nth) =>
      new Promise((resolve) => {
        const request = requests[nth - 1]
        if (request === undefined) waiting.push({ nth, resolve })
        else resolve(request)
      }),
    active: () => active,
    script: (...replies) => void scripted.push(...replies),
    refuse: stop,
    close: stop,
  }
}

const apiOf = ({ method, url = "" }: IncomingMessage): FakeApi | undefined => {
  const path = method === "POST" ? url.split("?", 1)[0] : undefined
  return path === "/v1/chat/completions" ? "chat" : path === "/v1/responses" ? "responses" : undefined
}

const textOf = async (incoming: IncomingMessage): Promise<string> => {
  let text = ""
  for await (const chunk of incoming.setEncoding("utf8")) text += String(chunk)
  return text
}

const parse = (text: string): FakeRequest["body"] | undefined => {
  try {
    return JSON.parse(text) as FakeRequest["body"]
  } catch {
    return undefined
  }
}

const respond = (outgoing: ServerResponse, status: number, code: string): void => {
  outgoing.writeHead(status, { "content-type": "application/json" })
  outgoing.end(JSON.stringify({ error: { message: code, type: "invalid_request_error", param: null, code } }))
}

/** Every write is a chunk of its own in the transfer, and waits a turn, so that a client mostly gets it apart from the others. */
const answer = (outgoing: ServerResponse, plan: Plan, dripMs = 0): Pick<FakeRequest, "written" | "closed"> => {
  let written = 0
  let ending: "answered" | "cut" | undefined
  const gone = new AbortController()
  const closed = new Promise<"answered" | "cut" | "aborted">((resolve) => {
    outgoing.once("finish", () => (ending ??= "answered"))
    outgoing.once("close", () => {
      gone.abort()
      resolve(ending ?? "aborted")
    })
  })

  const left = once(gone.signal, "abort")

  const send = async (): Promise<void> => {
    if (plan.sendsHeaders) {
      outgoing.writeHead(plan.status, plan.headers)
      outgoing.flushHeaders()
    }
    for (const write of plan.writes) {
      if (gone.signal.aborted) return
      // Flushed, or a cut after it would take it along.
      await Promise.race([new Promise((resolve) => outgoing.write(write, resolve)), left])
      written += write.length
      await (dripMs > 0 ? sleep(dripMs, undefined, { signal: gone.signal }) : turn())
    }
    if (plan.ending === "end") outgoing.end()
    if (plan.ending === "cut") {
      ending = "cut"
      outgoing.destroy()
    }
  }
  // Waiting ends with an abort when the client has gone, which is what `closed` says.
  send().catch(() => outgoing.destroy())
  return { written: () => written, closed }
}
