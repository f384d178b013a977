/** Tickets over real sockets: made with a token, spent in a URL, once. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { expect, it } from "vitest"
import { makeLocalKeys, OneTimeKeys } from "@parley/core"
import { cutAfterEach, openEvents } from "./events-client.ts"
import { apiOf, closeAfterEach, connect, type Host, type HostOptions, openHost } from "./wire-harness.ts"

closeAfterEach()
cutAfterEach()

const APP = "https://app.example.com"

const open = async (options: HostOptions = {}) => {
  const host = await openHost({ allowedOrigins: [APP], ...options })
  const ann = apiOf(host, "ann")
  const session = (await ann("POST", "/sessions", { body: {} })).body["conversationId"] as string
  const ticket = async (headers: Readonly<Record<string, string>> = {}): Promise<string> => {
    const { status, body } = await ann("POST", "/tickets", { headers })
    expect([status, body["expiresIn"]]).toEqual([201, 30])
    return body["ticket"] as string
  }
  return { host, ann, session, ticket }
}

/** Without a token of its own. */
const events = (host: Host, session: string, ticket: string, headers: Readonly<Record<string, string>> = {}) =>
  openEvents(host, "nobody", `c=${session}&ticket=${encodeURIComponent(ticket)}`, { authorization: "", ...headers })

it("opens an event stream in the place of a token, once", async () => {
  const { host, session, ticket } = await open()
  const made = await ticket()
  const stream = await events(host, session, made)
  expect((await stream.find((frame) => frame["type"] === "welcome"))["userId"]).toBe("ann")
  await stream.find((frame) => frame["type"] === "changes")
  await expect(events(host, session, made)).rejects.toThrow("refused with 401")
})

it("opens a WebSocket in the place of a token, once", async () => {
  const { host, session, ticket } = await open()
  const made = await ticket()
  const client = await connect(host, undefined, {}, `/ws?ticket=${made}`)
  const listed = await client.ask({ type: "list_conversations", id: "1" })
  expect(JSON.stringify(listed)).toContain(session)
  await expect(connect(host, undefined, {}, `/ws?ticket=${made}`)).rejects.toThrow("refused with 401")
})

it("is spent by one of those who come at the same time", async () => {
  const { host, ticket } = await open()
  const made = await ticket()
  const tries = await Promise.allSettled([1, 2, 3, 4].map(() => connect(host, undefined, {}, `/ws?ticket=${made}`)))
  expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
})

it("is bound to the page that asked for it", async () => {
  const { host, session, ticket } = await open({ allowedOrigins: [APP, "https://other.example.com"] })
  const from = (origin: string) => ({ origin })
  await expect(
    connect(host, undefined, { headers: from("https://other.example.com") }, `/ws?ticket=${await ticket(from(APP))}`),
  ).rejects.toThrow("401")
  await expect(events(host, session, await ticket(from(APP)), from("https://other.example.com"))).rejects.toThrow("401")
  await expect(events(host, session, await ticket(from(APP)))).rejects.toThrow("401")
  await connect(host, undefined, { headers: from(APP) }, `/ws?ticket=${await ticket(from(APP))}`)
  // A browser names no origin when a page gets something from its own server.
  await events(host, session, await ticket(from(`http://127.0.0.1:${host.port}`)))
})

it("is made for nobody without a token, nor for a page that may not use the server", async () => {
  const { ann } = await open()
  expect((await ann("POST", "/tickets", { token: null })).status).toBe(401)
  expect((await ann("POST", "/tickets", { token: "made up" })).status).toBe(401)
  expect((await ann("POST", "/tickets", { headers: { origin: "https://evil.example" } })).status).toBe(403)
  expect((await ann("GET", "/tickets")).status).toBe(405)
})

it("expires", async () => {
  const keys = Layer.sync(OneTimeKeys, () => {
    const sound = makeLocalKeys()
    return { ...sound, put: (key: string, value: string) => sound.put(key, value, 0) }
  })
  const { host, session, ticket } = await open({ oneTimeKeys: keys })
  await expect(connect(host, undefined, {}, `/ws?ticket=${await ticket()}`)).rejects.toThrow("refused with 401")
  await expect(events(host, session, await ticket())).rejects.toThrow("refused with 401")
})

it("opens nothing but these two, and speaks for nobody elsewhere", async () => {
  const { ann, session, ticket } = await open()
  const made = await ticket()
  for (const path of ["/sessions", `/sessions/${session}/history`, `/sync?c=${session}`]) {
    const query = `${path}${path.includes("?") ? "&" : "?"}ticket=${made}`
    expect((await ann("GET", query, { token: null })).status).toBe(401)
    expect((await ann("GET", query)).status).toBe(400)
  }
  expect((await ann("POST", "/commands", { token: made, body: { type: "ping", id: "1" } })).status).toBe(401)
})

it("stands in no log, spent, refused or unspent", async () => {
  const { host, session, ticket } = await open({ logLevel: "Trace" } as HostOptions)
  const made = [await ticket(), await ticket({ origin: APP }), await ticket()]
  await events(host, session, made[0] as string)
  for (const spent of made.slice(0, 2)) {
    await expect(events(host, session, spent)).rejects.toThrow("401")
    await expect(connect(host, undefined, {}, `/ws?ticket=${spent}`)).rejects.toThrow("401")
  }
  await Effect.runPromise(Effect.yieldNow)
  expect(host.logs.length).toBeGreaterThan(0)
  const all = JSON.stringify(host.logs)
  for (const each of made) expect(all).not.toContain(each)
})
