/** A real browser's EventSource: what it does with ids that stand alone, with a cut, and with the end. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Browser, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { type Chat, createChat } from "@parley/core"
import { serve } from "@parley/adapters/http"
import { devAuthenticator } from "@parley/adapters/jwt"
import { memory } from "@parley/adapters/memory"
import { hasChromium, launchBrowser } from "./browser.ts"

/** A frame, as loose as a page takes it. */
type Json = Readonly<Record<string, any>>

interface Seen {
  readonly opens: number
  readonly errors: number
  readonly readyState: number
  readonly events: ReadonlyArray<{ readonly frame: Json; readonly lastEventId: string }>
}

let browser: Browser | undefined
beforeAll(async () => {
  if (hasChromium) browser = await launchBrowser()
})
afterAll(() => browser?.close())

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

interface Host {
  readonly chat: Chat
  readonly server: Server
  readonly origin: string
  /** Requests for streams, and what was written in answer to each. */
  readonly asked: ReadonlyArray<IncomingMessage>
  readonly written: ReadonlyArray<string>
}

/** A browser adds no Authorization header to a stream, so its host turns the page's cookie into one. */
const openWithCookies = async (): Promise<Host> => {
  const chat = await createChat({ storage: memory(), authenticate: devAuthenticator(), log: () => {} })
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html")
    if (request.url === "/") response.setHeader("set-cookie", "user=ann; Path=/; HttpOnly; SameSite=Strict")
    response.end("<!doctype html><title>events</title>")
  })
  const served = serve(chat, server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  cleanups.push(async () => {
    await served.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await chat.close()
  })
  const asked: Array<IncomingMessage> = []
  const written: Array<string> = []
  server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
    const user = /\buser=(\w+)/.exec(request.headers.cookie ?? "")?.[1]
    if (user !== undefined) request.headers.authorization = `Bearer dev:${user}`
    if (request.url?.includes("/events") !== true) return
    const stream = asked.push(request) - 1
    written[stream] = ""
    const write = response.write.bind(response) as (...all: ReadonlyArray<unknown>) => boolean
    response.write = (chunk: unknown, ...rest: ReadonlyArray<unknown>) => {
      written[stream] += String(chunk)
      return write(chunk, ...rest)
    }
  })
  return { chat, server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked, written }
}

/** The script of the page: an EventSource, and what it told. */
const listen = (page: Page, url: string): Promise<void> =>
  page.evaluate(`(() => {
    const seen = (window.seen = { opens: 0, errors: 0, events: [] })
    const source = (window.source = new EventSource(${JSON.stringify(url)}))
    source.onopen = () => { seen.opens += 1 }
    source.onerror = () => { seen.errors += 1 }
    source.onmessage = ({ data, lastEventId }) => { seen.events.push({ frame: JSON.parse(data), lastEventId }) }
  })()`)

const look = (page: Page): Promise<Seen> => page.evaluate("({ ...window.seen, readyState: window.source.readyState })")

const until = async (page: Page, holds: (seen: Seen) => boolean): Promise<Seen> => {
  let seen = await look(page)
  await expect.poll(async () => holds((seen = await look(page))), { timeout: 20_000, interval: 20 }).toBe(true)
  return seen
}
const saw =
  (type: string, count = 1) =>
  (seen: Seen) =>
    seen.events.filter(({ frame }) => frame["type"] === type).length >= count
const textsOf = ({ events }: Seen): ReadonlyArray<string> =>
  events.flatMap(({ frame }) =>
    frame["type"] === "new_message"
      ? [frame["item"].parts[0].text as string]
      : ((frame["items"] ?? []) as ReadonlyArray<Json>).flatMap((item) => item["parts"]?.[0]?.text ?? []),
  )

describe.skipIf(!hasChromium)(`EventSource of a browser${hasChromium ? "" : " [needs chromium]"}`, () => {
  it("remembers an id without data, tells the page nothing of it, and goes on from it after a cut", async () => {
    const { chat, server, origin, asked, written } = await openWithCookies()
    const me = chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    const { id: other } = await me.createSession()
    await me.send(id, "before")
    const page = await (browser as Browser).newPage()
    await page.goto(origin)
    await listen(page, `/v1/chat/events?c=${id}&c=${other}`)
    await until(page, ({ events }) => events.filter(({ frame }) => frame["more"] === false).length === 2)
    expect(asked[0]?.headers["last-event-id"]).toBeUndefined()

    const at = async () => `c=${id}@${(await me.get(id)).head}&c=${other}@${(await me.get(other)).head}`
    const idIsWritten = (list: string) => expect.poll(() => written[0], { timeout: 10_000 }).toContain(`\n\nid: ${list}\n\n`)
    const first = await at()
    await idIsWritten(first)
    await me.send(other, "next")
    const before = await until(page, saw("new_message"))
    expect(before.events.at(-1)?.lastEventId).toBe(first)
    expect(new Set(before.events.slice(0, -1).map(({ lastEventId }) => lastEventId))).toEqual(new Set([""]))
    expect(before.events.map(({ frame }) => frame["type"])).not.toContain(undefined)
    expect([before.opens, before.errors]).toEqual([1, 0])

    // What no id has told of yet comes once more.
    const last = await at()
    await idIsWritten(last)
    await me.send(id, "one")
    await until(page, saw("new_message", 2))
    server.closeAllConnections()
    await me.send(id, "two, while away")
    await until(page, ({ opens }) => opens === 2)
    await me.send(id, "three")
    const after = await until(page, (seen) => textsOf(seen).includes("three"))
    expect(asked[1]?.headers["last-event-id"]).toBe(last)
    const again = after.events.slice(after.events.findLastIndex(({ frame }) => frame["type"] === "welcome"))
    expect(again.filter(({ frame }) => frame["window"] !== undefined)).toEqual([])
    expect(textsOf({ ...after, events: again })).toEqual(["one", "two, while away", "three"])
    await page.close()
  })

  it("learns why a stream ends, and tries again until it is refused", async () => {
    const { chat, origin } = await openWithCookies()
    const { id } = await chat.as({ userId: "ann" }).createSession()
    const page = await (browser as Browser).newPage()
    await page.goto(origin)
    await listen(page, `/v1/chat/events?c=${id}`)
    await until(page, saw("changes"))
    void chat.drain()
    const { events } = await until(page, saw("closed"))
    expect(events.at(-1)).toMatchObject({ frame: { type: "closed", code: 4000, reason: "drain" } })
    // What is left of this server refuses: the browser gives up, and the page takes another way.
    const CLOSED = 2
    await until(page, ({ readyState }) => readyState === CLOSED)
    await page.close()
  })
})
