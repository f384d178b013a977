/** Server-sent events: the frames of a WebSocket over a response that does not end, with commands beside it. */
import { request } from "node:http"
import { connect as connectSocket } from "node:net"
import { SignJWT } from "jose"
import { describe, expect, it } from "vitest"
import type { Batch } from "@parley/core"
import { ClientModel, isModelFrame, type ModelFrame } from "@parley/testkit"
import { jwtAuthenticator } from "@parley/adapters/jwt"
import { cutAfterEach, type EventsClient, openEvents, refusedEvents } from "./events-client.ts"
import { apiOf, closeAfterEach, connect, type Host, type Json, openHost, scriptedAi } from "./wire-harness.ts"

closeAfterEach()
cutAfterEach()

const sessionOf = async (host: Host, user = "ann") => {
  const me = host.chat.as({ userId: user })
  const { id } = await me.createSession()
  return { me, id, api: apiOf(host, user), head: async () => (await me.get(id)).head }
}
const ofType = (type: string) => (frame: Json) => frame["type"] === type
const atHead = (frame: Json) => frame["type"] === "changes" && frame["more"] === false

/** Lets a model take what a stream brings, from here on. */
const feed = (client: ClientModel, stream: EventsClient) => {
  let taken = 0
  return (): void => {
    for (; taken < stream.frames.length; taken++) {
      const frame = stream.frames[taken] as ModelFrame
      if (isModelFrame(frame)) client.accept(frame)
    }
  }
}
const queryOf = (client: ClientModel): string => {
  const { cursor, answers } = client.subscribe()
  const query = new URLSearchParams([["c", cursor === undefined ? client.conversationId : `${client.conversationId}@${cursor}`]])
  for (const held of answers) query.append("a", held)
  return String(query)
}

describe("an event stream", () => {
  it("begins with its headers, a retry hint and a welcome, then brings the window and what happens", async () => {
    const host = await openHost()
    const { me, id, api } = await sessionOf(host)
    await me.send(id, "before")
    const stream = await openEvents(host, "ann", `c=${id}`)
    expect(stream.response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
      "x-correlation-id": expect.stringMatching(/^req_/),
      vary: "Origin, Accept-Encoding",
    })
    await stream.find(atHead)
    expect(stream.text()).toMatch(/^retry: [12]\d{3}\n\ndata: \{"type":"welcome"/)
    const commands = await api("POST", "/commands", {
      body: [{ type: "send_message", id: "1", conversationId: id, clientMessageId: "m", text: "line\nbreak \u2028 ünï 👩‍👩‍👧" }],
    })
    expect(commands.body["replies"]).toMatchObject([{ type: "reply", id: "1" }])
    expect(await stream.find(ofType("new_message"))).toMatchObject({
      conversationId: id,
      item: { seq: 2, parts: [{ text: "line\nbreak \u2028 ünï 👩‍👩‍👧" }] },
    })
    expect(stream.frames.slice(0, 2)).toMatchObject([
      { type: "welcome", userId: "ann", limits: expect.any(Object) },
      { type: "changes", window: { from: 1 } },
    ])
    expect(stream.frames.map((frame) => frame["type"])).not.toContain("reply")
  })

  it("brings edits, deletions and reactions", async () => {
    const host = await openHost()
    const { me, id } = await sessionOf(host)
    const { messageId, change } = await me.send(id, "one")
    const stream = await openEvents(host, "ann", `c=${id}`)
    await stream.find(atHead)
    await me.edit(id, messageId, change, "two")
    await me.react(id, messageId, "👍")
    await me.delete(id, messageId)
    expect(await stream.find(ofType("message_deleted"))).toMatchObject({ item: { id: messageId, parts: [] } })
    const live = stream.frames.map((frame) => frame["type"]).filter((type) => type !== "welcome" && type !== "changes")
    expect(live.slice(0, 3)).toEqual(["message_updated", "reactions_changed", "message_deleted"])
  })

  it("carries many conversations at once, each with its own place", async () => {
    const host = await openHost()
    const me = host.chat.as({ userId: "ann" })
    const ids = await Promise.all(Array.from({ length: 50 }, async () => (await me.createSession()).id))
    const heads = await Promise.all(ids.map(async (id) => (await me.get(id)).head))
    await me.send(ids[7] as string, "here")
    const stream = await openEvents(host, "ann", ids.map((id, i) => `c=${id}@${heads[i]}`).join("&"))
    await stream.until(() => stream.frames.filter(atHead).length === 50)
    expect(stream.frames.filter((frame) => frame["items"]?.length > 0)).toMatchObject([{ conversationId: ids[7] }])
    await me.send(ids[49] as string, "there")
    expect(await stream.find(ofType("new_message"))).toMatchObject({ conversationId: ids[49] })
  })

  it("says of what is not there, or not one's own, that it is gone, and goes on with the rest", async () => {
    const host = await openHost()
    const { me, id } = await sessionOf(host)
    const { id: foreign } = await host.chat.as({ userId: "bob" }).createSession()
    const odd = encodeURIComponent("a\nid: x\ndata: {}")
    const stream = await openEvents(host, "ann", `c=${foreign}&c=ses_nowhere&c=${odd}&c=${id}`)
    await stream.find(atHead)
    await stream.until(() => stream.frames.filter(ofType("unsubscribed")).length === 3)
    expect(stream.frames.filter(ofType("unsubscribed")).map((frame) => [frame["conversationId"], frame["code"]])).toEqual(
      expect.arrayContaining([
        [foreign, "conversation_not_found"],
        ["ses_nowhere", "conversation_not_found"],
        ["a\nid: x\ndata: {}", "conversation_not_found"],
      ]),
    )
    await me.send(id, "still here")
    await stream.find(ofType("new_message"))
    await stream.until(() => stream.ids.length > 0)
    expect(stream.lastEventId()).toBe(`c=${id}@${(await me.get(id)).head}`)
  })

  it("tells at once who loses access, and what is erased", async () => {
    const host = await openHost()
    const ann = host.chat.as({ userId: "ann" })
    const bob = host.chat.as({ userId: "bob" })
    const { id } = await ann.createRoom({ type: "private" })
    await ann.update(id, { invite: ["bob"] })
    await bob.join(id)
    const { id: session } = await bob.createSession()
    const stream = await openEvents(host, "bob", `c=${id}&c=${session}`)
    await stream.until(() => stream.frames.filter(atHead).length === 2)
    await bob.leave(id)
    await stream.find((frame) => frame["type"] === "unsubscribed" && frame["conversationId"] === id)
    await ann.send(id, "not for bob")
    await bob.deleteConversation(session)
    await stream.find((frame) => frame["type"] === "unsubscribed" && frame["conversationId"] === session)
    expect(stream.text()).not.toContain("not for bob")
    // Nothing is left that it could go on with.
    await stream.until(() => stream.ids.includes(""))
  })

  it("ends with its client", async () => {
    const host = await openHost({ limits: { maxConnections: 1 } })
    const { id, api } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    expect((await api("GET", "/sessions")).status).toBe(503)
    expect(host.chat.gateway.connections()).toBe(1)
    stream.cut()
    await expect.poll(async () => (await api("GET", "/sessions")).status).toBe(200)
    expect(host.chat.gateway.connections()).toBe(0)
  })

  it("keeps the origin rules and security headers of other routes", async () => {
    const host = await openHost({ allowedOrigins: ["https://app.example"] })
    const { id } = await sessionOf(host)
    const allowed = await openEvents(host, "ann", `c=${id}`, { origin: "https://app.example" })
    expect(allowed.response.headers["access-control-allow-origin"]).toBe("https://app.example")
    const foreign = await openEvents(host, "ann", `c=${id}`, { origin: "https://evil.example" })
    expect(foreign.response.headers["access-control-allow-origin"]).toBeUndefined()
    const preflight = await apiOf(host, "ann")("OPTIONS", "/events", { token: null, headers: { origin: "https://app.example" } })
    expect(preflight.headers.get("access-control-allow-headers")).toContain("last-event-id")
  })

  it("comes as it is to a client that takes compression", async () => {
    const host = await openHost()
    const { me, id } = await sessionOf(host)
    await me.send(id, "x".repeat(4_000))
    const stream = await openEvents(host, "ann", `c=${id}`, { "accept-encoding": "gzip, br" })
    await stream.find(atHead)
    expect(stream.response.headers["content-encoding"]).toBeUndefined()
  })

  it("waits behind an earlier answer on the same connection", async () => {
    const host = await openHost()
    const { id } = await sessionOf(host)
    const socket = connectSocket(host.port, "127.0.0.1")
    const head = `Host: 127.0.0.1\r\nAuthorization: Bearer dev:ann\r\n\r\n`
    socket.write(`GET /v1/chat/sync?c=${id}@garbage HTTP/1.1\r\n${head}GET /v1/chat/events?c=${id} HTTP/1.1\r\n${head}`)
    let text = ""
    await new Promise<void>((resolve) => socket.on("data", (chunk) => (text += String(chunk)).includes("welcome") && resolve()))
    expect(text.indexOf("resync")).toBeGreaterThan(0)
    expect(text.indexOf("resync")).toBeLessThan(text.indexOf("text/event-stream"))
    socket.destroy()
  })
})

describe("an event stream is refused", () => {
  it.each([
    ["", "/query/c"],
    ["c=", "/query/c/0"],
    ["c=@e.1", "/query/c/0"],
    ["c=ses_a&c=ses_b@e.1&c=ses_a", "/query/c/2"],
    [`c=${"x".repeat(65)}`, "/query/c/0"],
    [`c=ses_a@${"9".repeat(65)}`, "/query/c/0"],
    ["c=ses_%00", "/query/c/0"],
    [Array.from({ length: 51 }, (_, i) => `c=ses_${i}`).join("&"), "/query/c"],
    ["c=ses_a&a=msg_1@1.1&a=msg_1@1", "/query/a/1"],
    [`c=ses_a&${Array.from({ length: 51 }, (_, i) => `a=msg_${i}@1.1`).join("&")}`, "/query/a"],
    ["c=ses_a&wait=5", "/query/wait"],
    ["c=ses_a&__proto__=1", "/query/__proto__"],
    ["c=ses_a&token=dev:ann", "/query/token"],
  ])("for the query %s", async (query, path) => {
    const host = await openHost()
    const { status, body } = await refusedEvents(host, query, { authorization: "Bearer dev:ann" })
    expect([status, body["error"].code, body["error"].details.path]).toEqual([400, "invalid_request", path])
  })

  it("without a token, with a bad one, by another method, and by a server that is full", async () => {
    const host = await openHost({ limits: { maxConnections: 2 } })
    const { id, api } = await sessionOf(host)
    const bare = await refusedEvents(host, `c=${id}`, {})
    expect([bare.status, bare.body["error"].code, bare.headers["www-authenticate"]]).toEqual([401, "unauthenticated", "Bearer"])
    const bad = await refusedEvents(host, `c=${id}`, { authorization: "Bearer nonsense" })
    expect([bad.status, bad.body["error"].code]).toEqual([401, "unauthenticated"])
    expect((await api("POST", `/events?c=${id}`)).status).toBe(405)
    const [one, two] = [await connect(host, "dev:ann"), await connect(host, "dev:ann")]
    const full = await refusedEvents(host, `c=${id}`, { authorization: "Bearer dev:ann" })
    expect([full.status, full.body["error"].code]).toEqual([503, "overloaded"])
    one.socket.close()
    await one.closed
    await openEvents(host, "ann", `c=${id}`)
    two.socket.close()
  })
})

describe("an id", () => {
  it("stands alone, carries the whole list, and comes again only when something moved", async () => {
    const host = await openHost()
    const { me, id, head } = await sessionOf(host)
    const { id: other } = await me.createSession()
    const stream = await openEvents(host, "ann", `c=${id}&c=${other}@${(await me.get(other)).head}`)
    await stream.until(() => stream.ids.length === 1)
    expect(stream.lastEventId()).toBe(`c=${id}@${await head()}&c=${other}@${(await me.get(other)).head}`)
    for (let i = 0; i < 30; i++) await me.send(id, `${i}`)
    await stream.until(() => stream.lastEventId().startsWith(`c=${id}@`) && stream.ids.length === 2)
    expect(stream.lastEventId()).toContain(`c=${id}@${await head()}&`)
    for (const block of stream.text().split("\n\n")) if (block.includes("id:")) expect(block).toMatch(/^id: [^\n]+$/)
  })

  it("is never ahead of what came before it: whoever resumes from any of them misses nothing", async () => {
    const ai = scriptedAi()
    const host = await openHost({ ai: [ai.provider], timing: { deltaInterval: 2 } })
    const { me, id, head } = await sessionOf(host)
    const client = new ClientModel(id)
    let query = queryOf(client)
    let stream = await openEvents(host, "ann", query)
    let take = feed(client, stream)
    const { answerId } = await me.send(id, "go")
    let said = ""
    for (let round = 0; round < 6; round++) {
      const before = stream.ids.length
      const goOn = (async () => {
        for (let i = 0; i < 60; i++) {
          const piece = `${round}.${i} 👩‍👩‍👧 `
          said += piece
          ai.say(piece)
          if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
      })()
      await me.react(id, answerId as string, `${round}`)
      await stream.until(() => stream.ids.length > before)
      await goOn
      take()
      client.cut()
      stream.cut()
      // As a browser: the same URL, and the id. It knows no cursor, so a window would be no surprise to it, but must not come.
      client.subscribe()
      stream = await openEvents(host, "ann", query, { "last-event-id": stream.lastEventId() })
      take = feed(client, stream)
      await stream.find(atHead)
      expect(stream.frames.find(atHead), `round ${round}`).not.toHaveProperty("window")
      query = `c=${id}`
    }
    ai.finish()
    await stream.until(() => (take(), client.items.get(answerId as string)?.answer?.state === "complete"))
    expect(client.items.get(answerId as string)).toMatchObject({ parts: [{ text: said }] })
    expect(client.cursor).toBe(await head())
    expect(client.violations).toEqual([])
  })

  it("does not come again while only the text of an answer grows", async () => {
    const ai = scriptedAi()
    const host = await openHost({ ai: [ai.provider], timing: { deltaInterval: 2 } })
    const { me, id, head } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    const { answerId } = await me.send(id, "go")
    ai.say("0 ")
    await stream.find(ofType("answer_delta"))
    const at = `c=${id}@${await head()}`
    await stream.until(() => stream.lastEventId() === at)
    const before = stream.ids.length
    // Longer than from one id to the next, twice.
    for (let i = 1; i <= 25; i++) {
      ai.say(`${i} `)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await stream.find((frame) => frame["messageId"] === answerId && frame["text"].endsWith("25 "))
    expect(stream.ids.length).toBe(before)
  })

  it("wins over the cursors of the URL, for the conversations that it names", async () => {
    const host = await openHost()
    const { me, id, head } = await sessionOf(host)
    await me.send(id, "one")
    const first = await head()
    await me.send(id, "two")
    const { id: other } = await me.createSession()
    const { head: otherHead } = await me.get(other)
    const stream = await openEvents(host, "ann", `c=${id}&c=${other}@${otherHead}`, {
      "last-event-id": `c=${id}@${first}&c=ses_x@e.1`,
    })
    await stream.until(() => stream.frames.filter(atHead).length === 2)
    expect(stream.frames.find((frame) => frame["conversationId"] === id)).toMatchObject({
      after: Number(first.split(".")[1]),
      items: [{ parts: [{ text: "two" }] }],
    })
    expect(stream.frames.find((frame) => frame["conversationId"] === other)).toMatchObject({ items: [] })
    expect(stream.frames.map((frame) => frame["conversationId"])).not.toContain("ses_x")
  })

  it.each(["garbage", "17", "c=", "c=@", `c=${"x".repeat(65)}@1.1`, "c=ses_a&c=ses_a"])(
    "that is none of ours (%s) says nothing",
    async (lastEventId) => {
      const host = await openHost()
      const { me, id, head } = await sessionOf(host)
      await me.send(id, "one")
      const stream = await openEvents(host, "ann", `c=${id}@${await head()}`, { "last-event-id": lastEventId })
      expect(await stream.find(atHead)).toMatchObject({ items: [] })
    },
  )

  it("with a cursor that cannot be served is answered by a resync and a window", async () => {
    const host = await openHost()
    const { me, id, head } = await sessionOf(host)
    await me.send(id, "one")
    const stream = await openEvents(host, "ann", `c=${id}@${await head()}`, { "last-event-id": `c=${id}@0ther.5` })
    await stream.find(atHead)
    expect(stream.frames[1]).toEqual({ type: "resync", conversationId: id, reason: "epoch_changed" })
    expect(stream.frames[2]).toMatchObject({ type: "changes", window: { from: 1 } })
  })
})

describe("an answer over an event stream", () => {
  it("goes on from the text that is held, stops in one state, and is the same as over WebSocket", async () => {
    const ai = scriptedAi()
    const host = await openHost({ ai: [ai.provider], timing: { deltaInterval: 2 } })
    const { me, id, api } = await sessionOf(host)
    const client = new ClientModel(id)
    const first = await openEvents(host, "ann", queryOf(client))
    const takeFirst = feed(client, first)
    const { answerId } = await me.send(id, "go")
    const textOf = () => client.texts.get(answerId as string)?.text
    ai.say("one 👩‍👩‍👧 ")
    await first.until(() => (takeFirst(), textOf() === "one 👩‍👩‍👧 "))
    first.cut()
    client.cut()
    ai.say("two ")
    const again = await openEvents(host, "ann", queryOf(client))
    const takeAgain = feed(client, again)
    await again.until(() => (takeAgain(), textOf() === "one 👩‍👩‍👧 two "))
    const held = "one 👩‍👩‍👧 ".length
    expect(again.frames.find(ofType("answer_snapshot"))).toMatchObject({ offset: held })
    const stop = await api("POST", "/commands", {
      body: { type: "stop_answer", id: "1", conversationId: id, messageId: answerId },
    })
    expect(stop.body["replies"]).toMatchObject([{ type: "reply" }])
    await again.until(() => (takeAgain(), client.items.get(answerId as string)?.answer?.state === "stopped"))
    expect(client.items.get(answerId as string)).toMatchObject({ parts: [{ text: "one 👩‍👩‍👧 two " }] })
    expect(client.violations).toEqual([])
  })

  it("comes from its beginning to a browser that connects again: what its URL says of the text is old", async () => {
    const ai = scriptedAi()
    const host = await openHost({ ai: [ai.provider], timing: { deltaInterval: 2 } })
    const { me, id, head } = await sessionOf(host)
    const { answerId } = await me.send(id, "go")
    ai.say("one two")
    const first = await openEvents(host, "ann", `c=${id}`)
    const { revision } = await first.find((frame) => frame["messageId"] === answerId && frame["text"].endsWith("two"))
    const query = `c=${id}&a=${answerId}@${revision}.4`
    const fresh = await openEvents(host, "ann", query)
    expect(await fresh.find(ofType("answer_snapshot"))).toMatchObject({ offset: 4, text: "two" })
    const again = await openEvents(host, "ann", query, { "last-event-id": `c=${id}@${await head()}` })
    expect(await again.find(ofType("answer_snapshot"))).toMatchObject({ offset: 0, text: "one two" })
  })
})

describe("the end of an event stream", () => {
  it("at a drain comes after the frame that says so, with the last id and code 4000", async () => {
    const host = await openHost({ timing: { drain: 50 } })
    const { me, id, head } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    await stream.find(atHead)
    await me.send(id, "last words")
    await stream.find(ofType("new_message"))
    await host.chat.drain()
    expect(await stream.closed).toEqual({ type: "closed", code: 4000, reason: "drain" })
    expect(stream.frames.at(-2)).toMatchObject({ type: "drain", retryAfterMs: expect.any(Number) })
    expect(stream.lastEventId()).toBe(`c=${id}@${await head()}`)
    expect(stream.response.complete).toBe(true)
    const refused = await refusedEvents(host, `c=${id}`, { authorization: "Bearer dev:ann" })
    expect([refused.status, refused.body["error"].code, refused.headers["retry-after"]]).toEqual([503, "draining", "1"])
  })

  it("comes when the server lets go, and is waited for", async () => {
    const host = await openHost()
    const { id } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    await stream.find(atHead)
    await host.served.close()
    expect(host.chat.gateway.connections()).toBe(0)
    expect(await stream.closed).toEqual({ type: "closed", code: 4000, reason: "drain" })
  })

  it("comes when the chat is closed", async () => {
    const host = await openHost()
    const { id } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    await host.chat.close()
    expect(await stream.closed).toEqual({ type: "closed", code: 4000, reason: "drain" })
  })

  it("comes with the token's end", async () => {
    const secret = "a secret of the test that is long enough"
    const host = await openHost({ authenticate: jwtAuthenticator({ secret }), timing: { tokenLeeway: 0 } })
    const { id } = await sessionOf(host)
    const exp = Math.floor(Date.now() / 1_000) + 2
    const token = await new SignJWT({ sub: "ann", exp })
      .setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(secret))
    const authorization = `Bearer ${token}`
    const stream = await openEvents(host, "ann", `c=${id}`, { authorization })
    expect(await stream.closed).toEqual({ type: "closed", code: 4402, reason: "token_expired" })
    const again = await refusedEvents(host, `c=${id}`, { authorization })
    expect([again.status, again.body["error"].code]).toEqual([401, "token_expired"])
  })
})

const QUEUE = 262_144
const LONG = "€".repeat(5_000)
const ONE_BATCH = 20_000

describe("a slow reader of an event stream", () => {
  it("is nobody whose socket takes all: bytes go to the network at once", async () => {
    const host = await openHost()
    const { me, id } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    await stream.find(atHead)
    const sink = host.sinks[0]!
    const queued: Array<number> = []
    const write = sink.write.bind(sink)
    Object.assign(sink, { write: (batch: Batch) => (write(batch), void queued.push(sink.queuedBytes())) })
    for (let i = 0; i < 10; i++) await me.send(id, `${i}`)
    await stream.until(() => stream.frames.filter(ofType("new_message")).length === 10)
    expect(queued.length).toBeGreaterThan(0)
    expect(new Set(queued)).toEqual(new Set([0]))
  })

  it("has a bounded queue, is closed as slow, and can resume from its last id", async () => {
    const host = await openHost({ timing: { writeTimeout: 1_000 } })
    const { me, id } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    await stream.until(() => stream.ids.length > 0)
    const sink = host.sinks.at(-1)!
    stream.response.pause()
    let most = 0
    let sent = 0
    while (host.chat.gateway.connections() === 1 && sent < 3_000) {
      await me.send(id, LONG)
      sent += 1
      most = Math.max(most, sink.queuedBytes())
      await new Promise((resolve) => setImmediate(resolve))
      if (most > QUEUE / 2 && sent % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(host.chat.gateway.connections(), `still there after ${sent} messages`).toBe(0)
    expect(most).toBeGreaterThan(QUEUE / 2)
    expect(most).toBeLessThanOrEqual(QUEUE + ONE_BATCH)
    stream.response.resume()
    expect(await stream.closed).toEqual({ type: "closed", code: 4001, reason: "slow_consumer" })
    const again = await openEvents(host, "ann", `c=${id}`, { "last-event-id": stream.lastEventId() })
    await again.until(() => again.frames.some((frame) => frame["items"]?.at(-1)?.seq === sent))
    const seqs = [...stream.frames, ...again.frames].flatMap((frame) =>
      frame["type"] === "new_message" ? [frame["item"].seq] : (frame["items"] ?? []).flatMap((item: Json) => item["seq"] ?? []),
    )
    if (!again.frames.some(ofType("resync"))) expect(new Set(seqs).size).toBe(sent)
  })

  it("that never reads its end is cut off", async () => {
    const host = await openHost({ timing: { writeTimeout: 1_000 } })
    const { me, id } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    await stream.find(atHead)
    const sink = host.sinks.at(-1)!
    stream.response.pause()
    for (let i = 0; i < 3_000 && sink.queuedBytes() < QUEUE / 2; i++) {
      await me.send(id, LONG)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await host.served.close()
    expect(host.chat.gateway.connections()).toBe(0)
    stream.response.resume()
    expect(await stream.closed).toBeUndefined()
  })

  it("gets the next page only when the one before has gone out", async () => {
    const host = await openHost({ limits: { maxQueuedBytes: 16_384, pageBytes: 65_536, windowMessages: 1_000 } })
    const { me, id } = await sessionOf(host)
    for (let i = 0; i < 600; i++) await me.send(id, LONG)
    const stream = await openEvents(host, "ann", `c=${id}`)
    stream.response.pause()
    const sink = host.sinks.at(-1)!
    await expect.poll(() => sink.queuedBytes()).toBeGreaterThan(0)
    expect(sink.queuedBytes()).toBeLessThan(200_000)
    stream.response.resume()
    await stream.find(atHead)
    const seqs = stream.frames.flatMap((frame) => (frame["items"] ?? []).flatMap((item: Json) => item["seq"] ?? []))
    expect(seqs).toEqual(Array.from({ length: 600 }, (_, i) => i + 1))
  })
})

describe("a heartbeat", () => {
  it("keeps a stream open on which nothing happens", async () => {
    const host = await openHost({ timing: { heartbeatInterval: 500, pongTimeout: 1_000 } })
    const { me, id } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    await stream.until(() => (stream.text().match(/^:$/gm) ?? []).length >= 4)
    await me.send(id, "still there")
    await stream.find(ofType("new_message"))
    expect(host.chat.gateway.connections()).toBe(1)
  })

  it("that the network does not take ends it", async () => {
    const host = await openHost({ timing: { heartbeatInterval: 500, pongTimeout: 1_000, writeTimeout: 60_000 } })
    const { me, id } = await sessionOf(host)
    const stream = await openEvents(host, "ann", `c=${id}`)
    await stream.find(atHead)
    const sink = host.sinks.at(-1)!
    stream.response.pause()
    for (let i = 0; i < 3_000 && sink.queuedBytes() < QUEUE / 2; i++) {
      await me.send(id, LONG)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await expect.poll(() => host.chat.gateway.connections(), { timeout: 10_000 }).toBe(0)
    stream.response.resume()
    expect(await stream.closed).toEqual({ type: "closed", code: 4003, reason: "pong_timeout" })
  })
})

it("a request with a body for a stream leaves it unread and serves the stream", async () => {
  const host = await openHost()
  const { id } = await sessionOf(host)
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { authorization: "Bearer dev:ann", "content-length": "5" }
    const sent = request(`${host.base}/events?c=${id}`, { headers, agent: false }, (response) => {
      response.on("data", (chunk) => String(chunk).includes("welcome") && (resolve(String(chunk)), response.destroy()))
    })
    sent.on("error", reject)
    sent.end("12345")
  })
  expect(text).toContain("welcome")
})
