/** Tokens in cookies: a browser sends them for whatever page asks, so the page has to be one that may. */
import { describe, expect, it } from "vitest"
import { openDoor } from "../src/http/door.ts"
import { apiOf, closeAfterEach, connect, openHost } from "./wire-harness.ts"

closeAfterEach()

const APP = "https://app.example.com"
const COOKIE = { cookie: "theme=dark; session=dev:ann; lang=en" }
const FOREIGN = [
  "https://evil.example",
  "null",
  "https://app.example.com.evil.example",
  "https://evil-app.example.com",
  "http://app.example.com",
  "https://app.example.com:8443",
  "https://APP.example.com",
  "*",
]

const open = async (options: object = {}) => {
  const host = await openHost({ cookie: "session", allowedOrigins: [APP], ...options } as never)
  const call = (method: string, headers: Readonly<Record<string, string>>, path = "/sessions") =>
    apiOf(host, "ann")(method, path, { token: null, headers, ...(method === "POST" ? { body: {} } : {}) })
  return { host, call, own: `http://127.0.0.1:${host.port}` }
}

describe("a cookie", () => {
  it("is a token from the server's own pages and from those that are named", async () => {
    const { call, own } = await open()
    for (const origin of [own, APP]) {
      expect((await call("POST", { ...COOKIE, origin })).status).toBe(201)
      expect((await call("GET", { ...COOKIE, origin })).status).toBe(200)
    }
    // A browser names no origin with a GET of its own page.
    expect((await call("GET", { ...COOKIE, "sec-fetch-site": "same-origin" })).status).toBe(200)
  })

  it("is nothing from any other page, and from none", async () => {
    const { call } = await open()
    for (const origin of FOREIGN) expect([origin, (await call("POST", { ...COOKIE, origin })).status]).toEqual([origin, 403])
    expect((await call("POST", COOKIE)).status).toBe(403)
    for (const site of ["same-site", "cross-site", "none"])
      expect((await call("GET", { ...COOKIE, "sec-fetch-site": site })).status).toBe(403)
  })

  it("is not let in by a star", async () => {
    const { call, own } = await open({ allowedOrigins: ["*"] })
    for (const origin of [APP, ...FOREIGN]) expect((await call("POST", { ...COOKIE, origin })).status).toBe(403)
    expect((await call("POST", { ...COOKIE, origin: own })).status).toBe(201)
    const { headers } = await call("GET", { origin: APP, authorization: "Bearer dev:ann" })
    expect(headers.get("access-control-allow-credentials")).toBeNull()
  })

  it("opens a WebSocket under the same rule, before the upgrade", async () => {
    const { host, own } = await open()
    for (const origin of [own, APP]) {
      const client = await connect(host, undefined, { headers: { ...COOKIE, origin } })
      expect((await client.ask({ type: "list_conversations", id: "1" }))["type"]).toBe("reply")
    }
    for (const origin of FOREIGN)
      await expect(connect(host, undefined, { headers: { ...COOKIE, origin } })).rejects.toThrow("refused with 403")
    await expect(connect(host, undefined, { headers: COOKIE })).rejects.toThrow("refused with 403")
    await expect(connect(host, undefined, { headers: { cookie: "session=wrong", origin: APP } })).rejects.toThrow(
      "refused with 401",
    )
  })

  it("stands behind an Authorization header, and needs no page beside one", async () => {
    const { call } = await open()
    expect((await call("GET", { ...COOKIE, authorization: "Bearer dev:ben" })).status).toBe(200)
    expect((await call("GET", { ...COOKIE, authorization: "Bearer wrong", origin: APP })).status).toBe(401)
  })

  it("is one cookie of that very name, or none", async () => {
    const { call } = await open()
    const status = async (cookie: string) => (await call("GET", { cookie, origin: APP })).status
    expect(await status('session="dev:ann"')).toBe(200)
    for (const cookie of [
      "",
      "session=",
      "Session=dev:ann",
      "xsession=dev:ann",
      "a=b;session =dev:ann",
      "session=dev:ben; session=dev:ann",
    ])
      expect([cookie, await status(cookie)]).toEqual([cookie, 401])
  })

  it("is not looked at unless it is configured", async () => {
    const { call } = await open({ cookie: undefined })
    expect((await call("GET", { ...COOKIE, origin: APP })).status).toBe(401)
  })

  it("makes answers readable with credentials for the pages that are named, and only with exact names", async () => {
    const { call } = await open()
    const { headers } = await call("GET", { ...COOKIE, origin: APP })
    expect(headers.get("access-control-allow-origin")).toBe(APP)
    expect(headers.get("access-control-allow-credentials")).toBe("true")
    expect(
      (await call("GET", { ...COOKIE, origin: "https://evil.example" })).headers.get("access-control-allow-credentials"),
    ).toBeNull()
  })

  it("needs a name that is one", () => {
    for (const cookie of ["", "a b", "a=b", "a;b"]) expect(() => openDoor({ cookie })).toThrow(TypeError)
  })
})
