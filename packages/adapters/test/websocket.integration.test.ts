import { createConnection } from "node:net"
import { once } from "node:events"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { apiOf, closeAfterEach, connect, type Json, openHost, refusedUpgrade } from "./wire-harness.ts"

closeAfterEach()

const codeOf = (answered: Awaited<ReturnType<typeof refusedUpgrade>>) =>
  answered === "accepted" ? answered : [answered.status, answered.body["error"]["code"]]

describe("the upgrade", () => {
  it("takes the token of the Authorization header, and greets at once", async () => {
    const host = await openHost()
    const client = await connect(host, "dev:ann")
    const welcome = await client.find((frame) => frame["type"] === "welcome")
    expect(welcome).toMatchObject({ userId: "ann", protocol: 1 })
    expect(client.frames[0]).toBe(welcome)
  })

  it("refuses a token that is none with 401, before the upgrade", async () => {
    const host = await openHost()
    const refused = await refusedUpgrade(host, { authorization: "Bearer nonsense" })
    expect(codeOf(refused)).toEqual([401, "unauthenticated"])
    if (refused === "accepted") return
    expect(refused.headers.get("www-authenticate")).toBe("Bearer")
    expect(refused.headers.get("x-correlation-id")).toBe(refused.body["error"]["correlationId"])
    expect(host.sinks).toHaveLength(0)
  })

  it.each(["Basic YW5uOmFubg==", "Bearer", "dev:ann"])("takes %j for no bearer token", async (authorization) => {
    const host = await openHost()
    expect(codeOf(await refusedUpgrade(host, { authorization }))).toEqual([401, "unauthenticated"])
  })

  it("says 503 when nobody can check tokens", async () => {
    const host = await openHost({ authenticate: () => Promise.reject(new Error("key server down")) })
    const refused = await refusedUpgrade(host, { authorization: "Bearer abc" })
    expect(codeOf(refused)).toEqual([503, "authentication_unavailable"])
    if (refused !== "accepted") expect(refused.headers.get("retry-after")).toBe("1")
  })

  it("says 500, and logs why, when checking a token breaks", async () => {
    const broken = { authenticate: () => Effect.die(new Error("broken authenticator")) }
    const host = await openHost({ authenticate: broken })
    const refused = await refusedUpgrade(host, { authorization: "Bearer abc" })
    expect(codeOf(refused)).toEqual([500, "internal"])
    expect(host.logs.map((entry) => JSON.stringify(entry)).join()).toContain("broken authenticator")
  })

  it("counts those whose token is being checked", async () => {
    const host = await openHost({
      limits: { maxConnections: 2 },
      authenticate: async () => {
        await once(host.server, "test:open the door")
        return { userId: "ann" }
      },
    })
    const waiting = [refusedUpgrade(host, { authorization: "Bearer a" }), refusedUpgrade(host, { authorization: "Bearer b" })]
    await expect.poll(() => host.server.listenerCount("test:open the door")).toBe(2)
    expect(codeOf(await refusedUpgrade(host, { authorization: "Bearer c" }))).toEqual([503, "overloaded"])
    host.server.emit("test:open the door")
    expect(await Promise.all(waiting)).toEqual(["accepted", "accepted"])
  })

  it("lets nobody in after the server let go, also whose token was being checked", async () => {
    const host = await openHost({
      authenticate: async () => {
        await once(host.server, "test:open the door")
        return { userId: "ann" }
      },
    })
    const waiting = refusedUpgrade(host, { authorization: "Bearer a" })
    await expect.poll(() => host.server.listenerCount("test:open the door")).toBe(1)
    await host.served.close()
    host.server.emit("test:open the door")
    expect(codeOf(await waiting)).toEqual([503, "draining"])
  })

  it("does not wait for ever for whoever checks tokens", async () => {
    const host = await openHost({ authenticate: () => new Promise(() => {}), timing: { authenticateTimeout: 50 } })
    expect(codeOf(await refusedUpgrade(host, { authorization: "Bearer abc" }))).toEqual([503, "authentication_unavailable"])
  })

  it.each(["token", "access_token"])("refuses a token in the URL as %s, also beside a good header", async (name) => {
    const host = await openHost()
    const refused = await refusedUpgrade(host, { authorization: "Bearer dev:ann" }, `/v1/chat/ws?${name}=dev:ann`)
    expect(codeOf(refused)).toEqual([400, "invalid_request"])
    if (refused !== "accepted") expect(refused.body["error"]["details"]["path"]).toBe(`/query/${name}`)
    expect(JSON.stringify(host.logs)).not.toContain("dev:ann")
  })

  it.each(["/v1/chat/wss", "/v1/chat/ws/", "/v1/chat", "/v1/chatter/ws", "/", "/v1/chat/commands"])(
    "does not take %s for its path",
    async (path) => {
      const host = await openHost()
      expect(codeOf(await refusedUpgrade(host, { authorization: "Bearer dev:ann" }, path))).toEqual([404, "route_not_found"])
    },
  )

  it("is served under every prefix", async () => {
    const host = await openHost({ prefix: ["/v1/chat", "/api/v1/admin/chat"] })
    expect(await refusedUpgrade(host, {}, "/api/v1/admin/chat/ws")).toBe("accepted")
    expect(await refusedUpgrade(host, {}, "/v1/chat/ws")).toBe("accepted")
  })

  it("leaves paths that are not its own to other listeners", async () => {
    const host = await openHost()
    const taken = new Promise<string>((resolve) => {
      host.server.on("upgrade", (request, socket) => {
        if (request.url !== "/mine") return
        resolve("mine")
        socket.end("HTTP/1.1 418 I'm a teapot\r\nContent-Length: 2\r\n\r\n{}")
      })
    })
    const refused = await refusedUpgrade(host, {}, "/mine")
    expect(await taken).toBe("mine")
    expect(refused).toMatchObject({ status: 418 })
  })

  it("says 503 when there are as many connections as there may be", async () => {
    const host = await openHost({ limits: { maxConnections: 1 } })
    const first = await connect(host, "dev:ann")
    const refused = await refusedUpgrade(host, { authorization: "Bearer dev:ann" })
    expect(codeOf(refused)).toEqual([503, "overloaded"])
    if (refused !== "accepted") expect(refused.headers.get("retry-after")).toBe("1")
    first.socket.close()
    await first.closed
    await expect.poll(() => host.chat.gateway.connections()).toBe(0)
    expect(await refusedUpgrade(host, { authorization: "Bearer dev:ann" })).toBe("accepted")
  })

  it("gives the place back when the handshake itself is broken", async () => {
    const host = await openHost({ limits: { maxConnections: 1 } })
    const socket = createConnection(host.port, "127.0.0.1")
    socket.write(
      "GET /v1/chat/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    const [data] = (await once(socket, "data")) as [Buffer]
    expect(String(data)).toMatch(/^HTTP\/1\.1 400 /)
    expect(String(data)).toContain('"code":"invalid_request"')
    expect(host.chat.gateway.connections()).toBe(0)
    expect(await refusedUpgrade(host, {})).toBe("accepted")
  })
})

describe("an Origin", () => {
  const allowedOrigins = ["https://app.example.com"]
  const cases: ReadonlyArray<readonly [string, (port: number) => string | undefined, boolean]> = [
    ["absent", () => undefined, true],
    ["same", (port) => `http://127.0.0.1:${port}`, true],
    ["listed", () => "https://app.example.com", true],
    ["null", () => "null", false],
    ["foreign", () => "https://evil.example", false],
    ["same host, other port", () => "http://127.0.0.1:1", false],
    ["same host, other scheme", (port) => `https://127.0.0.1:${port}`, false],
    ["listed, other scheme", () => "http://app.example.com", false],
    ["listed, with a port", () => "https://app.example.com:8443", false],
    ["listed as a suffix", () => "https://evil-app.example.com", false],
    ["listed as a subdomain of another", () => "https://app.example.com.evil.example", false],
    ["a subdomain of the listed", () => "https://x.app.example.com", false],
    ["listed with user info", () => "https://app.example.com@evil.example", false],
    ["listed with a path", () => "https://app.example.com/", false],
    ["listed in capitals", () => "HTTPS://APP.EXAMPLE.COM", false],
    ["two at once", () => "https://app.example.com, https://evil.example", false],
    ["empty", () => "", false],
    ["a star", () => "*", false],
  ]
  it.each(cases)("%s", async (_name, originOf, accepted) => {
    const host = await openHost({ allowedOrigins })
    const origin = originOf(host.port)
    const answered = await refusedUpgrade(host, { authorization: "Bearer dev:ann", ...(origin === undefined ? {} : { origin }) })
    expect(codeOf(answered)).toEqual(accepted ? "accepted" : [403, "origin_not_allowed"])
  })

  it("null is nobody's, also when somebody listed it", async () => {
    const host = await openHost({ allowedOrigins: ["null"] })
    expect(codeOf(await refusedUpgrade(host, { origin: "null" }))).toEqual([403, "origin_not_allowed"])
  })

  it("may be any when all are allowed", async () => {
    const host = await openHost({ allowedOrigins: ["*"] })
    expect(await refusedUpgrade(host, { origin: "https://anywhere.example" })).toBe("accepted")
  })
})

describe("a connection", () => {
  it("without a header becomes somebody's by an authenticate frame", async () => {
    const host = await openHost()
    const client = await connect(host, undefined)
    expect(await client.ask({ type: "list_conversations" })).toMatchObject({ type: "error", error: { code: "unauthenticated" } })
    expect(await client.ask({ type: "authenticate", token: "dev:ann" })).toMatchObject({ type: "reply", userId: "ann" })
    expect(await client.ask({ type: "list_conversations" })).toMatchObject({ type: "reply", conversations: [] })
  })

  it("that does not say who it is gets closed", async () => {
    const host = await openHost({ timing: { authenticateTimeout: 10 } })
    const client = await connect(host, undefined)
    expect(await client.closed).toEqual({ code: 4401, reason: "unauthenticated" })
    expect(host.chat.gateway.connections()).toBe(0)
  })

  it("carries requests, replies, live frames and an answer's text", async () => {
    const host = await openHost({ ai: [knowledgeAssistant({ paceMs: 1 })] })
    const client = await connect(host, "dev:ann")
    const { conversationId } = await client.ask({ type: "create_session", name: "first" })
    expect(await client.ask({ type: "subscribe", conversationId })).toMatchObject({ type: "reply" })
    const sent = await client.ask({ type: "send_message", conversationId, clientMessageId: "m1", text: "What is a cursor? €🙂" })
    const mine = await client.find((frame) => frame["type"] === "new_message" && frame["item"].id === sent["itemId"])
    expect(mine["item"].parts).toEqual([{ type: "text", text: "What is a cursor? €🙂" }])
    const answerId = sent["answer"].itemId as string
    const ended = await client.find((frame) => frame["item"]?.id === answerId && frame["item"].answer.state === "complete")
    const said = client.frames
      .filter((frame) => frame["type"] === "answer_delta" || frame["type"] === "answer_snapshot")
      .reduce((text, frame) => text.slice(0, frame["offset"]) + frame["text"], "")
    expect(said.length).toBeGreaterThan(0)
    expect(ended["item"].parts[0].text).toBe(said)
  })

  it("reads a message that came in many fragments", async () => {
    const host = await openHost()
    const client = await connect(host, "dev:ann")
    const text = JSON.stringify({ type: "ping", id: "piecewise" })
    for (let i = 0; i < text.length; i++) client.socket.send(text[i] as string, { fin: i === text.length - 1 })
    expect(await client.find((frame) => frame["id"] === "piecewise")).toEqual({ type: "pong", id: "piecewise" })
  })

  it("ends with 1008 after a message in more fragments than anybody needs", async () => {
    const host = await openHost()
    const client = await connect(host, "dev:ann")
    for (let i = 0; i < 1_100; i++) client.socket.send("", { fin: false })
    expect((await client.closed).code).toBe(1008)
    await expect.poll(() => host.chat.gateway.connections()).toBe(0)
  })

  it("ends with 4500 after a binary frame", async () => {
    const host = await openHost()
    const client = await connect(host, "dev:ann")
    client.raw(Buffer.from('{"type":"ping","id":"1"}'), { binary: true })
    expect(await client.closed).toEqual({ code: 4500, reason: "protocol_violation" })
    expect(client.frames.map((frame) => frame["type"])).toEqual(["welcome"])
  })

  it("ends with 1009 after a frame that is one byte too long, and takes one that is not", async () => {
    const host = await openHost()
    const client = await connect(host, "dev:ann")
    const padded = (bytes: number) => `{"type":"ping","id":"x"}${" ".repeat(bytes - 24)}`
    client.raw(padded(65_536))
    await client.find((frame) => frame["type"] === "pong")
    client.raw(padded(65_537))
    expect((await client.closed).code).toBe(1009)
    await expect.poll(() => host.chat.gateway.connections()).toBe(0)
  })

  it("ends with 1007 after text that is no UTF-8", async () => {
    const host = await openHost()
    const client = await connect(host, "dev:ann")
    client.socket.send(Buffer.from([0x22, 0xc3, 0x28, 0x22]), { binary: false })
    expect((await client.closed).code).toBe(1007)
    await expect.poll(() => host.chat.gateway.connections()).toBe(0)
  })

  it("is forgotten when its socket breaks", async () => {
    const host = await openHost()
    const client = await connect(host, "dev:ann")
    expect(host.chat.gateway.connections()).toBe(1)
    client.socket.terminate()
    await expect.poll(() => host.chat.gateway.connections()).toBe(0)
  })

  it("is told to move, and closed with 4000, by a drain", async () => {
    const host = await openHost({ timing: { drain: 200 } })
    const clients = await Promise.all(["dev:ann", "dev:bob", "dev:cid"].map((token) => connect(host, token)))
    await Promise.all(clients.map((client) => client.find((frame) => frame["type"] === "welcome")))
    const drained = host.chat.drain()
    for (const client of clients) {
      const drain = await client.find((frame) => frame["type"] === "drain")
      expect(drain["retryAfterMs"]).toBeLessThanOrEqual(100)
      expect(await client.closed).toEqual({ code: 4000, reason: "drain" })
    }
    expect(codeOf(await refusedUpgrade(host, {}))).toEqual([503, "draining"])
    await drained
  })

  it("is closed with 4000 when the server lets go, which waits for it", async () => {
    const host = await openHost()
    const client = await connect(host, "dev:ann")
    await host.served.close()
    expect(await client.closed).toEqual({ code: 4000, reason: "drain" })
    expect(host.chat.gateway.connections()).toBe(0)
    const others = apiOf(host, "ann")("GET", "/sessions", { signal: AbortSignal.timeout(100) })
    await expect(others, "no listener is left").rejects.toThrow()
  })
})

describe("one event for many", () => {
  it("is framed once, and reaches every subscriber", async () => {
    const host = await openHost()
    const ann = host.chat.as({ userId: "ann" })
    const { id } = await ann.createSession()
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(host, "dev:ann")))
    for (const client of clients) await client.ask({ type: "subscribe", conversationId: id })
    await Promise.all(clients.map((client) => client.find((frame) => frame["type"] === "changes")))
    const seen = new Set<Json>()
    for (const sink of host.sinks) {
      const write = sink.write.bind(sink)
      Object.assign(sink, {
        write: (batch: Json) => {
          write(batch as never)
          seen.add(batch["encodings"]["websocket"] as Json)
        },
      })
    }
    await ann.send(id, "to all of you")
    await Promise.all(clients.map((client) => client.find((frame) => frame["type"] === "new_message")))
    expect(seen.size).toBe(1)
  })
})
