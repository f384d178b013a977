/** Reads `GET events` as a browser does, with what a browser hides: raw text, ids, and when to stop reading. */
import { get, type IncomingMessage } from "node:http"
import { afterEach } from "vitest"
import type { Host, Json } from "./wire-harness.ts"

export interface EventsClient {
  readonly response: IncomingMessage
  /** Every frame that came, in order. */
  readonly frames: ReadonlyArray<Json>
  /** What came as bytes. */
  readonly text: () => string
  /** Every id that came, in order. */
  readonly ids: ReadonlyArray<string>
  /** What a browser would send when it connects again. */
  readonly lastEventId: () => string
  /** The stream's end: its last frame when that says why. */
  readonly closed: Promise<Json | undefined>
  readonly find: (fits: (frame: Json) => boolean) => Promise<Json>
  readonly until: (holds: () => boolean) => Promise<void>
  /** Goes without a word. */
  readonly cut: () => void
}

const PATIENCE = 20_000
const open = new Set<EventsClient>()

export const cutAfterEach = (): void => {
  afterEach(() => {
    for (const client of open) client.cut()
    open.clear()
  })
}

const respond = (host: Host, query: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    get(`${host.base}/events?${query}`, { headers: { ...headers }, agent: false }, resolve).on("error", reject)
  })

export const openEvents = async (
  host: Host,
  user: string,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventsClient> => {
  const response = await respond(host, query, { authorization: `Bearer dev:${user}`, ...headers })
  response.setEncoding("utf8")
  if (response.statusCode !== 200) {
    let body = ""
    for await (const chunk of response) body += chunk
    throw new Error(`refused with ${response.statusCode} ${body}`)
  }
  const frames: Array<Json> = []
  const ids: Array<string> = []
  const watchers = new Set<() => void>()
  let text = ""
  let rest = ""
  let data: string | undefined
  let idBuffer = ""
  let lastId = ""
  let over = false
  const takeLine = (line: string): void => {
    if (line === "") {
      lastId = idBuffer
      if (data !== undefined) frames.push(JSON.parse(data) as Json)
      data = undefined
    } else if (line.startsWith("data: ")) data = data === undefined ? line.slice(6) : `${data}\n${line.slice(6)}`
    else if (line.startsWith("id: ")) ids.push((idBuffer = line.slice(4)))
    else if (!line.startsWith(":") && !line.startsWith("retry: ")) throw new Error(`a line that is none of ours: ${line}`)
  }
  response.on("data", (chunk: string) => {
    text += chunk
    rest += chunk
    const lines = rest.split("\n")
    rest = lines.pop() as string
    for (const line of lines) takeLine(line)
    for (const watch of watchers) watch()
  })
  const closed = new Promise<Json | undefined>((resolve) => {
    // `aborted` is an error to a reader of bodies; to one of streams it is an end without a word.
    response.on("error", () => {})
    response.on("close", () => {
      over = true
      resolve(frames.at(-1)?.["type"] === "closed" ? frames.at(-1) : undefined)
      for (const watch of watchers) watch()
    })
  })
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        watchers.delete(watch)
        clearTimeout(patience)
        act()
      }
      const watch = (): void => {
        if (holds()) settle(resolve)
        else if (over)
          settle(() => reject(new Error(`the stream ended before; its last frame was ${JSON.stringify(frames.at(-1))}`)))
      }
      const patience = setTimeout(() => {
        const came = frames.map((frame) => frame["type"]).slice(-10)
        settle(() => reject(new Error(`not within ${PATIENCE} ms; the last frames were ${came.join(", ")}`)))
      }, PATIENCE)
      watchers.add(watch)
      watch()
    })
  const client: EventsClient = {
    response,
    frames,
    ids,
    closed,
    until,
    text: () => text,
    lastEventId: () => lastId,
    find: async (fits) => {
      await until(() => frames.some(fits))
      return frames.find(fits) as Json
    },
    cut: () => void response.destroy(),
  }
  open.add(client)
  return client
}

/** The answer to a request for a stream that is refused. */
export const refusedEvents = async (host: Host, query: string, headers: Readonly<Record<string, string>>) => {
  const response = await respond(host, query, headers)
  response.setEncoding("utf8")
  let text = ""
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(text) as Json }
}
