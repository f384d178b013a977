import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import { createConnection } from "node:net"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "vitest"
import { ConversationLog, storageError } from "@parley/core"
import { httpHandler } from "@parley/adapters/http"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { memoryBus, memoryStorage } from "@parley/adapters/memory"
import { apiOf, closeAfterEach, type Host, openHost, refusedUpgrade, standOf } from "./wire-harness.ts"

closeAfterEach()

/** Sends bytes as they are and collects what comes until the server closes or `until` has come. */
const bare = async (host: Host, text: string | Buffer, until?: RegExp): Promise<string> => {
  const socket = createConnection(host.port, "127.0.0.1")
  let got = ""
  socket.write(text)
  await new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      got += String(chunk)
      if (until?.test(got) === true) resolve()
    })
    socket.on("error", () => resolve())
    socket.on("close", () => resolve())
  })
  socket.destroy()
  return got
}

describe("sessions over REST", () => {
  it("are made, listed, read, changed, closed and erased", async () => {
    const host = await openHost()
    const api = apiOf(host, "ann")
    const created = await api("POST", "/sessions", { body: { name: "first", context: { clientName: "ACME" } } })
    expect(created.status).toBe(201)
    const id = created.body["conversationId"] as string
    expect((await api("GET", "/sessions")).body["conversations"]).toMatchObject([{ conversationId: id }])
    expect((await api("GET", "/rooms")).body).toEqual({ conversations: [] })
    expect((await api("GET", `/sessions/${id}`)).body).toMatchObject({
      conversationId: id,
      role: "owner",
      conversation: { name: "first" },
    })
    expect((await api("PATCH", `/sessions/${id}`, { body: { name: "second" } })).status).toBe(200)
    expect((await api("GET", `/sessions/${id}`)).body["conversation"].name).toBe("second")
    expect((await api("POST", `/sessions/${id}/close`)).body).toMatchObject({ itemId: id })
    expect((await api("POST", `/sessions/${id}/messages`, { body: { text: "late" } })).body["error"].code).toBe(
      "conversation_closed",
    )
    expect((await api("DELETE", `/sessions/${id}`)).body).toEqual({ conversationId: id })
    expect((await api("GET", `/sessions/${id}`)).status).toBe(404)
  })

  it("are listed page by page", async () => {
    const host = await openHost()
    const api = apiOf(host, "ann")
    for (let i = 0; i < 3; i++) await api("POST", "/sessions", { body: {} })
    const first = await api("GET", "/sessions?limit=2")
    const second = await api("GET", `/sessions?limit=2&after=${encodeURIComponent(first.body["next"] as string)}`)
    const ids = [...first.body["conversations"], ...second.body["conversations"]].map((line) => line.conversationId)
    expect(new Set(ids).size).toBe(3)
    expect(second.body["next"]).toBeUndefined()
  })

  it("take messages, once for each Idempotency-Key, and change and lose them", async () => {
    const host = await openHost()
    const api = apiOf(host, "ann")
    const { id } = await host.chat.as({ userId: "ann" }).createSession()
    const send = () => api("POST", `/sessions/${id}/messages`, { body: { text: "hello" }, headers: { "idempotency-key": "k1" } })
    const sent = await send()
    expect(sent.status).toBe(201)
    expect((await send()).body).toEqual({ ...sent.body, repeat: true })
    const inBody = await api("POST", `/sessions/${id}/messages`, { body: { text: "hello", clientMessageId: "k1" } })
    expect(inBody.body["itemId"]).toBe(sent.body["itemId"])
    const both = { body: { text: "hello", clientMessageId: "k1" }, headers: { "idempotency-key": "k2" } }
    expect((await api("POST", `/sessions/${id}/messages`, both)).body["error"].details.path).toBe("/clientMessageId")
    expect((await api("POST", `/sessions/${id}/messages`, { body: { text: "hello" } })).body["seq"]).toBe(2)

    const path = `/sessions/${id}/messages/${sent.body["itemId"]}`
    expect((await api("PATCH", path, { body: { base: sent.body["change"], text: "hullo" } })).status).toBe(200)
    expect((await api("PATCH", path, { body: { base: sent.body["change"], text: "other" } })).body["error"].code).toBe(
      "edit_conflict",
    )
    expect((await api("PUT", `${path}/reactions/${encodeURIComponent("👍🏽")}`)).status).toBe(200)
    const page = (await api("GET", `/sessions/${id}/history?limit=1&before=2`)).body
    expect(page["messages"]).toMatchObject([{ seq: 1, parts: [{ text: "hullo" }] }])
    expect(page["reactions"]).toMatchObject([{ counts: [{ emoji: "👍🏽", count: 1, users: ["ann"] }] }])
    expect((await api("DELETE", `${path}/reactions/${encodeURIComponent("👍🏽")}`)).status).toBe(200)
    expect((await api("DELETE", path)).status).toBe(200)
    const all = (await api("GET", `/sessions/${id}/messages`)).body
    expect(all["messages"][0]).toHaveProperty("deleted")
    expect(all["reactions"]).toMatchObject([{ counts: [] }])
  })

  it("have answers, which are stopped and made again", async () => {
    const host = await openHost({ ai: [knowledgeAssistant({ paceMs: 50 })] })
    const api = apiOf(host, "ann")
    const id = (await api("POST", "/sessions", { body: {} })).body["conversationId"] as string
    const sent = await api("POST", `/sessions/${id}/messages`, { body: { text: "What is a cursor?" } })
    const answer = sent.body["answer"].itemId as string
    expect((await api("POST", `/sessions/${id}/messages/${answer}/stop`)).body["state"]).toMatch(/^stopp(ing|ed)$/)
    const again = await api("POST", `/sessions/${id}/messages/${answer}/regenerate`)
    expect(again.status).toBe(200)
    expect(again.body["itemId"]).not.toBe(answer)
  })

  it("are polled by GET messages", async () => {
    const host = await openHost()
    const api = apiOf(host, "ann")
    const me = host.chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    await me.send(id, "one")
    const first = await api("GET", `/messages?sessionId=${id}`)
    const window = first.body["frames"].at(-1)
    expect(window).toMatchObject({ type: "changes", window: { from: 1 }, more: false, items: [{ seq: 1 }] })
    const cursor = `${window.epoch}.${window.upTo}`
    expect((await api("GET", `/messages?sessionId=${id}&since=${cursor}`)).body).toEqual({ frames: [] })
    await me.send(id, "two")
    const next = (await api("GET", `/messages?sessionId=${id}&since=${cursor}`)).body
    expect(next["frames"]).toMatchObject([{ type: "changes", after: window.upTo, items: [{ seq: 2 }] }])
  })
})

describe("rooms over REST", () => {
  it("are made, joined by invitation, and left", async () => {
    const host = await openHost()
    const [ann, bob] = [apiOf(host, "ann"), apiOf(host, "bob")]
    const created = await ann("POST", "/rooms", { body: { roomType: "private", name: "den" } })
    expect(created.status).toBe(201)
    const id = created.body["conversationId"] as string
    expect((await bob("POST", `/rooms/${id}/join`)).status).toBe(404)
    await ann("PATCH", `/rooms/${id}`, { body: { invite: ["bob"] } })
    expect((await bob("POST", `/rooms/${id}/join`)).status).toBe(200)
    expect((await bob("POST", `/rooms/${id}/messages`, { body: { text: "hi" } })).status).toBe(201)
    expect((await bob("POST", `/rooms/${id}/leave`)).status).toBe(200)
    expect((await bob("GET", `/rooms/${id}/history`)).status).toBe(404)
    expect((await ann("GET", "/rooms")).body["conversations"]).toHaveLength(1)
  })
})

describe("POST commands", () => {
  it("runs a batch in order, one answer each", async () => {
    const host = await openHost()
    const api = apiOf(host, "ann")
    const { id } = await host.chat.as({ userId: "ann" }).createSession()
    const send = (n: number) => ({
      type: "send_message",
      id: `r${n}`,
      conversationId: id,
      clientMessageId: `m${n}`,
      text: `${n}`,
    })
    const { status, body } = await api("POST", "/commands", {
      body: [
        send(1),
        send(2),
        { type: "ping", id: "p" },
        { type: "nothing", id: "x" },
        { type: "get_history", id: "h", conversationId: id },
      ],
    })
    expect(status).toBe(200)
    expect(body["replies"]).toMatchObject([
      { type: "reply", id: "r1", seq: 1 },
      { type: "reply", id: "r2", seq: 2 },
      { type: "pong", id: "p" },
      { type: "error", id: "x", error: { code: "unknown_type" } },
      { type: "reply", id: "h", messages: [{ seq: 1 }, { seq: 2 }] },
    ])
  })

  it("takes one frame without a list around it", async () => {
    const host = await openHost()
    const { body } = await apiOf(host, "ann")("POST", "/commands", { body: { type: "create_session", id: "1" } })
    expect(body["replies"]).toMatchObject([{ type: "reply", id: "1" }])
  })

  it("stops at the first failure that may pass", async () => {
    let failing = false
    const storage = Layer.effect(
      ConversationLog,
      Effect.map(ConversationLog, (log) =>
        ConversationLog.of({
          ...log,
          commit: (commit) => (failing ? Effect.fail(storageError("unavailable", "a secret path")) : log.commit(commit)),
        }),
      ),
    ).pipe(Layer.provideMerge(memoryStorage()), Layer.merge(memoryBus()))
    const host = await openHost({ storage })
    const { id } = await host.chat.as({ userId: "ann" }).createSession()
    failing = true
    const send = (n: number) => ({ type: "send_message", id: `${n}`, conversationId: id, clientMessageId: `m${n}`, text: "x" })
    const answered = await apiOf(host, "ann")("POST", "/commands", { body: [{ type: "nothing", id: "0" }, send(1), send(2)] })
    expect(answered.status).toBe(200)
    // The first cannot pass, ever, so the batch goes on; the second may, so the third has to wait for it.
    expect(answered.body["replies"]).toMatchObject([
      { id: "0", error: { code: "unknown_type" } },
      { id: "1", error: { code: "storage_unavailable", retryAfter: 1 } },
    ])
    const single = await apiOf(host, "ann")("POST", `/sessions/${id}/messages`, { body: { text: "x" } })
    expect([single.status, single.headers.get("retry-after")]).toEqual([503, "1"])
    // What the client is not told stands in the log, under the id that the client was told.
    expect(answered.text + single.text).not.toContain("secret")
    const logged = JSON.stringify(host.logs)
    expect(logged).toContain("a secret path")
    expect(logged).toContain(single.headers.get("x-correlation-id"))
  })

  it("says that a chat which was closed is going", async () => {
    const host = await openHost()
    await host.chat.close()
    const { body, status } = await apiOf(host, "ann")("POST", "/commands", { body: { type: "list_conversations", id: "1" } })
    expect([status, body["error"]["code"]]).toEqual([503, "draining"])
  })

  it.each(["authenticate", "subscribe", "unsubscribe"])("refuses %s, which needs a connection", async (type) => {
    const host = await openHost()
    const fields = type === "authenticate" ? { token: "dev:bob" } : { conversationId: "ses_x" }
    const { body } = await apiOf(host, "ann")("POST", "/commands", { body: [{ type, id: "1", ...fields }] })
    expect(body["replies"]).toMatchObject([
      { type: "error", id: "1", error: { code: "invalid_request", details: { path: "/type" } } },
    ])
  })

  it.each([
    ["an empty list", []],
    ["51 frames", Array.from({ length: 51 }, (_, i) => ({ type: "ping", id: `${i}` }))],
    ["a number", 7],
    ["null", null],
    ["text", "ping"],
  ])("refuses %s", async (_name, body) => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")("POST", "/commands", { body })
    expect(answered.status).toBe(400)
    expect(answered.body["error"]).toMatchObject({ code: "invalid_request", details: { path: "" } })
  })
})

describe("every answer", () => {
  it("carries its correlation id and the headers that keep it private", async () => {
    const host = await openHost()
    for (const path of ["/sessions", "/nowhere", "/sessions/ses_none"]) {
      const { headers, body } = await apiOf(host, "ann")("GET", path)
      const id = headers.get("x-correlation-id")
      expect(id).toMatch(/^req_[\w-]{36}$/)
      if (body["error"] !== undefined) expect(body["error"].correlationId).toBe(id)
      expect(headers.get("x-content-type-options")).toBe("nosniff")
      expect(headers.get("cache-control")).toBe("no-store")
      expect(headers.get("content-type")).toBe("application/json; charset=utf-8")
    }
  })

  it("is compressed when large and wanted so", async () => {
    const host = await openHost()
    const { id } = await host.chat.as({ userId: "ann" }).createSession()
    await host.chat.as({ userId: "ann" }).send(id, "x".repeat(2_000))
    const ask = (path: string, encoding: string) =>
      bare(
        host,
        `GET /v1/chat/${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dev:ann\r\nAccept-Encoding: ${encoding}\r\nConnection: close\r\n\r\n`,
      )
    expect(await ask(`sessions/${id}/history`, "gzip")).toMatch(/content-encoding: gzip/i)
    expect(await ask(`sessions/${id}/history`, "br, *;q=0.5")).toMatch(/content-encoding: gzip/i)
    expect(await ask(`sessions/${id}/history`, "br, gzip;q=0")).not.toMatch(/content-encoding/i)
    expect(await ask(`sessions/${id}/history`, "identity")).not.toMatch(/content-encoding/i)
    expect(await ask("sessions", "gzip")).not.toMatch(/content-encoding/i)
    const response = await fetch(`${host.base}/sessions/${id}/history`, { headers: { authorization: "Bearer dev:ann" } })
    expect(response.headers.get("vary")).toContain("Accept-Encoding")
    expect(await response.json()).toHaveProperty("messages")
  })
})

describe("what is not there or not allowed", () => {
  it.each([
    ["GET", "/nowhere"],
    ["GET", ""],
    ["GET", "/"],
    ["GET", "/sessions/"],
    ["GET", "//sessions"],
    ["GET", "/sessions/a/b/c/d/e/f"],
    ["GET", "/sessions/%E0%A4%A"],
    ["GET", "/constructor"],
    ["POST", "/sessions/ses_x/join"],
  ])("%s %s is no route", async (method, path) => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")(method, path)
    expect([answered.status, answered.body["error"].code]).toEqual([404, "route_not_found"])
  })

  it.each([
    ["GET", "/commands", "POST"],
    ["POST", "/sync", "GET"],
    ["PUT", "/sessions", "GET, POST"],
    ["POST", "/sessions/ses_x", "DELETE, GET, PATCH"],
    ["PURGE", "/rooms/room_x/join", "POST"],
  ])("%s %s says which methods are", async (method, path, allow) => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")(method, path)
    expect([answered.status, answered.body["error"].code]).toEqual([405, "method_not_allowed"])
    expect(answered.headers.get("allow")).toBe(allow)
  })

  it.each([null, "", "nonsense", "dev:", "dev:a b"])("401 for the token %j", async (token) => {
    const host = await openHost()
    for (const [method, path] of [
      ["GET", "/sessions"],
      ["POST", "/commands"],
      ["GET", "/sync?c=ses_x"],
    ] as const) {
      const answered = await apiOf(host, "ann")(method, path, { token })
      expect([answered.status, answered.body["error"].code]).toEqual([401, "unauthenticated"])
      expect(answered.headers.get("www-authenticate")).toBe("Bearer")
    }
  })

  it.each(["token", "access_token"])("a token in the URL as %s is refused, and not logged", async (name) => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")("GET", `/sessions?${name}=dev:canary`, { token: null })
    expect(answered.status).toBe(400)
    expect(answered.body["error"]).toMatchObject({ code: "invalid_request", details: { path: `/query/${name}` } })
    expect(JSON.stringify(host.logs) + answered.text).not.toContain("canary")
  })

  it.each([
    ["/sessions?kind=room", "/query/kind"],
    ["/sessions?limit=1&limit=2", "/query/limit"],
    ["/sessions?limit=many", "/query/limit"],
    ["/sessions?limit=0", "/query/limit"],
    ["/sessions?limit=101", "/query/limit"],
    ["/sessions?limit=1.5", "/query/limit"],
    ["/sessions?after=x", "/query/after"],
    ["/sessions/ses_x?deep=1", "/query/deep"],
    ["/sessions/ses_x/history?before=0", "/query/before"],
    ["/sessions/ses_x/history?before=-1", "/query/before"],
    ["/sessions?__proto__=1", "/query/__proto__"],
    ["/sessions?constructor=1", "/query/constructor"],
    ["/sessions/ses_x?toString=1", "/query/toString"],
    ["/messages", "/query/sessionId"],
    ["/messages?sessionId=a&sessionId=b", "/query/sessionId"],
    ["/messages?sessionId=a&wait=5", "/query/wait"],
    [`/messages?sessionId=a&since=${"9".repeat(65)}`, "/query/since"],
  ])("GET %s names %s", async (path, at) => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")("GET", path)
    expect([answered.status, answered.body["error"].code]).toEqual([400, "invalid_request"])
    expect(answered.body["error"].details.path).toBe(at)
  })
})

describe("a body", () => {
  const types = ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonp", ""]
  it.each(types)("of the type %j is refused with 415", async (type) => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")("POST", "/sessions", { raw: "{}", headers: { "content-type": type } })
    expect([answered.status, answered.body["error"].code]).toEqual([415, "unsupported_media_type"])
  })

  it("that is compressed is refused with 415", async () => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")("POST", "/sessions", { raw: "{}", headers: { "content-encoding": "gzip" } })
    expect(answered.status).toBe(415)
  })

  it.each(["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])(
    "of the type %j is read",
    async (type) => {
      const host = await openHost()
      const answered = await apiOf(host, "ann")("POST", "/sessions", { raw: "{}", headers: { "content-type": type } })
      expect(answered.status).toBe(201)
    },
  )

  it.each([
    ["cut short", '{"name":'],
    ["two values", "{} {}"],
    ["a word", "undefined"],
    ["single quotes", "{'name':'x'}"],
    ["a byte order mark", "\uFEFF{}"],
    ["NaN", '{"name":NaN}'],
    ["white space", "   "],
  ])("that is %s is no JSON", async (_name, raw) => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")("POST", "/sessions", { raw })
    expect([answered.status, answered.body["error"].code]).toEqual([400, "invalid_json"])
  })

  it("that is not UTF-8 is no JSON", async () => {
    const host = await openHost()
    const raw = new Uint8Array([...new TextEncoder().encode('{"name":"'), 0xc3, 0x28, ...new TextEncoder().encode('"}')])
    const answered = await apiOf(host, "ann")("POST", "/sessions", { raw })
    expect([answered.status, answered.body["error"].code]).toEqual([400, "invalid_json"])
    expect((await host.chat.as({ userId: "ann" }).list()).conversations).toEqual([])
  })

  it.each([
    ["POST", "/sessions/ID/messages", "conversationId", "ses_other"],
    ["POST", "/sessions/ID/messages", "type", "system"],
    ["POST", "/sessions/ID/messages", "type", "delete_conversation"],
    ["POST", "/sessions/ID/messages", "id", "1"],
    ["PATCH", "/sessions/ID", "type", "delete_conversation"],
    ["DELETE", "/sessions/ID/messages/MESSAGE", "messageId", "msg_other"],
    ["DELETE", "/sessions/ID/messages/MESSAGE/reactions/x", "remove", false],
    ["PUT", "/sessions/ID/messages/MESSAGE/reactions/x", "emoji", "y"],
    ["POST", "/sessions", "type", "create_room"],
  ])("of %s %s does not say %s", async (method, path, field, value) => {
    const host = await openHost()
    const me = host.chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    const { messageId } = await me.send(id, "hello")
    const before = await standOf(host, "ann", id)
    const url = path.replace("ID", id).replace("MESSAGE", messageId)
    const answered = await apiOf(host, "ann")(method, url, { body: { text: "t", [field]: value } })
    expect([answered.status, answered.body["error"].details?.path]).toEqual([400, `/${field}`])
    expect(await standOf(host, "ann", id)).toEqual(before)
  })

  it.each([[[]], ["text"], [1], [null], [true]])("that is %j is no body", async (body) => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")("POST", "/sessions", { body })
    expect([answered.status, answered.body["error"].details?.path]).toEqual([400, ""])
  })

  const padded = (bytes: number) => `{"name":"x"}${" ".repeat(bytes - 12)}`

  it("may have 64 KiB and not a byte more", async () => {
    const host = await openHost()
    expect((await apiOf(host, "ann")("POST", "/sessions", { raw: padded(65_536) })).status).toBe(201)
    const answered = await apiOf(host, "ann")("POST", "/sessions", { raw: padded(65_537) })
    expect([answered.status, answered.body["error"].code]).toEqual([413, "frame_too_large"])
    expect(answered.headers.get("connection")).toBe("close")
  })

  const head = (headers: string) =>
    `POST /v1/chat/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dev:ann\r\nContent-Type: application/json\r\n${headers}\r\n\r\n`

  it("whose declared length is too large is refused before any of it came", async () => {
    const host = await openHost()
    expect(await bare(host, head("Content-Length: 99999999"))).toMatch(/^HTTP\/1\.1 413 /)
  })

  it("without a length is read until it is too large", async () => {
    const host = await openHost()
    const chunk = `4000\r\n${" ".repeat(0x4000)}\r\n`
    expect(await bare(host, head("Transfer-Encoding: chunked") + chunk.repeat(4) + "0\r\n\r\n", /\r\n\r\n/)).toMatch(
      /^HTTP\/1\.1 400 /,
    )
    const large = await bare(host, head("Transfer-Encoding: chunked") + chunk.repeat(5))
    expect(large).toMatch(/^HTTP\/1\.1 413 /)
    expect(large).toContain('"code":"frame_too_large"')
    expect(large).toMatch(/connection: close/i)
  })

  it("that is longer than it says leaves nothing but a bad request behind it", async () => {
    const host = await openHost()
    const got = await bare(host, `${head("Content-Length: 2")}{}{"name":"smuggled"}`)
    expect(got.match(/HTTP\/1\.1 (\d+)/g)?.at(-1)).toBe("HTTP/1.1 400")
    expect(JSON.stringify(await host.chat.as({ userId: "ann" }).list())).not.toContain("smuggled")
  })

  it("with both a length and chunks is refused", async () => {
    const host = await openHost()
    const got = await bare(host, `${head("Content-Length: 2\r\nTransfer-Encoding: chunked")}0\r\n\r\n`)
    expect(got).toMatch(/^HTTP\/1\.1 400 /)
  })

  it("of a stranger is not read", async () => {
    const host = await openHost()
    const text = head("Content-Length: 1000").replace("dev:ann", "nonsense")
    expect(await bare(host, text, /correlationId/)).toMatch(/^HTTP\/1\.1 401 [^]*connection: close/i)
  })

  it("may be left out where nothing has to be said", async () => {
    const host = await openHost()
    expect((await apiOf(host, "ann")("POST", "/sessions")).status).toBe(201)
  })
})

describe("a page of another origin", () => {
  const allowedOrigins = ["https://app.example.com"]
  const origin = "https://app.example.com"

  it("that is allowed may ask and read", async () => {
    const host = await openHost({ allowedOrigins })
    const api = apiOf(host, "ann")
    const preflight = await api("OPTIONS", "/commands", {
      token: null,
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get("connection")).toBe("keep-alive")
    expect(preflight.headers.get("access-control-allow-origin")).toBe(origin)
    expect(preflight.headers.get("access-control-allow-methods")).toContain("PATCH")
    expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization")
    expect(preflight.headers.get("access-control-allow-credentials")).toBeNull()
    for (const path of ["/sessions", "/nowhere"]) {
      const { headers } = await api("GET", path, { headers: { origin } })
      expect(headers.get("access-control-allow-origin")).toBe(origin)
      expect(headers.get("access-control-expose-headers")).toContain("ETag")
      expect(headers.get("vary")).toContain("Origin")
    }
  })

  it.each(["https://evil.example", "null", "http://app.example.com"])("%s may not", async (other) => {
    const host = await openHost({ allowedOrigins })
    const api = apiOf(host, "ann")
    const preflight = await api("OPTIONS", "/commands", { token: null, headers: { origin: other } })
    expect([preflight.status, preflight.body["error"].code]).toEqual([403, "origin_not_allowed"])
    const { headers } = await api("GET", "/sessions", { headers: { origin: other } })
    expect(headers.get("access-control-allow-origin")).toBeNull()
    expect(headers.get("vary")).toContain("Origin")
  })
})

describe("on a server with routes of its own", () => {
  const withRoutes = () =>
    createServer((request, response: ServerResponse) => {
      response.end(`mine ${request.url}`)
    })

  it("only its own paths are taken", async () => {
    const host = await openHost({ server: withRoutes() })
    const text = async (path: string) => (await fetch(`http://127.0.0.1:${host.port}${path}`)).text()
    expect(await text("/")).toBe("mine /")
    expect(await text("/v1/chatter")).toBe("mine /v1/chatter")
    expect(await text("/v1/chat/sessions")).toContain("unauthenticated")
    await host.served.close()
    expect(await text("/v1/chat/sessions")).toBe("mine /v1/chat/sessions")
    await host.served.close()
    expect([host.server.listenerCount("upgrade"), host.server.listenerCount("request")]).toEqual([0, 1])
  })

  it("is served under every prefix", async () => {
    const host = await openHost({ prefix: ["/v1/chat", "/api/v1/admin/chat"] })
    for (const prefix of ["/v1/chat", "/api/v1/admin/chat"]) {
      const response = await fetch(`http://127.0.0.1:${host.port}${prefix}/sessions`, {
        headers: { authorization: "Bearer dev:ann" },
      })
      expect(response.status).toBe(200)
    }
  })

  it.each(["", "/", "v1/chat", "/v1/chat/", "/v1//chat", "/a b"])("refuses the prefix %j at once", async (prefix) => {
    const { chat } = await openHost()
    expect(() => httpHandler(chat, { prefix })).toThrow(/prefix/)
  })

  it("a handler without a server leaves the rest to its caller", async () => {
    const { chat } = await openHost()
    const handler = httpHandler(chat)
    const server = createServer((request, response) => {
      void handler(request, response).then((taken) => taken || response.end("rest"))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as { port: number }
    expect(await (await fetch(`http://127.0.0.1:${port}/else`)).text()).toBe("rest")
    expect((await fetch(`http://127.0.0.1:${port}/v1/chat/sessions`)).status).toBe(401)
    server.closeAllConnections()
    server.close()
  })
})

describe("the server", () => {
  it("does not wait for headers that trickle in", async () => {
    const server = createServer({ connectionsCheckingInterval: 100 })
    server.headersTimeout = 300
    const host = await openHost({ server })
    expect(server.headersTimeout, "a stricter bound of the host's is kept").toBe(300)
    const socket = createConnection(host.port, "127.0.0.1")
    socket.write("GET /v1/chat/sessions HTTP/1.1\r\n")
    socket.on("error", () => {})
    const ended = once(socket, "close")
    const trickle = setInterval(() => socket.write("x-a: b\r\n"), 50)
    const [data] = (await once(socket, "data")) as [Buffer]
    expect(String(data)).toMatch(/^HTTP\/1\.1 408 /)
    await ended
    clearInterval(trickle)
    expect((await apiOf(host, "ann")("GET", "/sessions")).status).toBe(200)
  })

  it("has bounds where Node's are loose", async () => {
    const { server } = await openHost()
    expect(server.headersTimeout).toBe(10_000)
    expect(server.keepAliveTimeout).toBeGreaterThan(60_000)
  })

  it("asks clients to reconnect while it drains, and still answers", async () => {
    const host = await openHost({ timing: { drain: 100 } })
    await host.chat.drain()
    const answered = await apiOf(host, "ann")("POST", "/sessions", { body: {} })
    expect(answered.status).toBe(201)
    expect(answered.headers.get("connection")).toBe("close")
    expect(await refusedUpgrade(host, {})).toMatchObject({ status: 503 })
  })

  it("answers 503 to more requests at once than it may have", async () => {
    const host = await openHost({ limits: { maxConnections: 1 } })
    const api = apiOf(host, "ann")
    const { id } = await host.chat.as({ userId: "ann" }).createSession()
    const cursor = (await host.chat.as({ userId: "ann" }).get(id)).head
    const waiting = api("GET", `/sync?c=${id}@${cursor}&wait=5`)
    await expect.poll(async () => (await api("GET", "/sessions")).status).toBe(503)
    const refused = await api("GET", "/sessions")
    expect(refused.body["error"].code).toBe("overloaded")
    expect(refused.headers.get("retry-after")).toBe("1")
    await host.chat.as({ userId: "ann" }).send(id, "over")
    expect((await waiting).status).toBe(200)
    expect((await api("GET", "/sessions")).status).toBe(200)
  })
})
