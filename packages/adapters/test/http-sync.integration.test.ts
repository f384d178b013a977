import { describe, expect, it } from "vitest"
import { ClientModel, type ModelFrame } from "@parley/testkit"
import { type Api, type Answered, apiOf, closeAfterEach, type Host, type Json, openHost, scriptedAi } from "./wire-harness.ts"

closeAfterEach()

const sessionOf = async (host: Host, user = "ann") => {
  const me = host.chat.as({ userId: user })
  const { id } = await me.createSession()
  return { me, id, api: apiOf(host, user), head: async () => (await me.get(id)).head }
}

/** A wait that is not woken ends by itself after 25 s, and then finds the news too: a test of waking has to be quicker. */
const soon = () => ({ signal: AbortSignal.timeout(10_000) })

/** As a client does: asks with what it holds, and takes what it is told. */
const poll = async (api: Api, client: ClientModel, wait = 0): Promise<Answered> => {
  const { cursor, answers } = client.subscribe()
  const query = new URLSearchParams([["c", cursor === undefined ? client.conversationId : `${client.conversationId}@${cursor}`]])
  for (const held of answers) query.append("a", held)
  if (wait > 0) query.append("wait", String(wait))
  const answered = await api("GET", `/sync?${query}`, soon())
  expect(answered.status).toBe(200)
  for (const frame of answered.body["frames"] as ReadonlyArray<ModelFrame>) client.accept(frame)
  return answered
}

const textsOf = (client: ClientModel): ReadonlyArray<string> =>
  [...client.items.values()].flatMap((item) =>
    item.kind === "message" ? [(item as unknown as Json)["parts"][0]?.text as string] : [],
  )

describe("a poll", () => {
  it("begins with a window and goes on with what changed", async () => {
    const host = await openHost()
    const { me, id, api } = await sessionOf(host)
    const { messageId } = await me.send(id, "one")
    const client = new ClientModel(id)
    await poll(api, client)
    expect(textsOf(client)).toEqual(["one"])
    expect((await poll(api, client)).body["frames"]).toEqual([])
    await me.send(id, "two")
    await me.react(id, messageId, "👍")
    await poll(api, client)
    expect(textsOf(client)).toEqual(["one", "two"])
    expect(client.cursor).toBe((await me.get(id)).head)
    expect(client.violations).toEqual([])
  })

  it("answers 304 to a tag that still holds, and only then", async () => {
    const host = await openHost()
    const { me, id, api, head } = await sessionOf(host)
    const at = await head()
    const first = await api("GET", `/sync?c=${id}@${at}`)
    const tag = first.headers.get("etag") as string
    expect(tag).toMatch(/^"[\w-]{22}"$/)
    expect(first.headers.get("cache-control")).toBe("private, no-cache")
    for (const header of [tag, `W/${tag}`, `"other", ${tag}`]) {
      const again = await api("GET", `/sync?c=${id}@${at}`, { headers: { "if-none-match": header } })
      expect([again.status, again.text]).toEqual([304, ""])
      expect(again.headers.get("etag")).toBe(tag)
      expect(again.headers.get("x-correlation-id")).not.toBeNull()
    }
    expect((await api("GET", `/sync?c=${id}@${at}`, { headers: { "if-none-match": '"other"' } })).status).toBe(200)
    // The tag holds, but this client has seen nothing of it.
    expect((await api("GET", `/sync?c=${id}`, { headers: { "if-none-match": tag } })).status).toBe(200)
    await me.send(id, "news")
    const changed = await api("GET", `/sync?c=${id}@${at}`, { headers: { "if-none-match": tag } })
    expect(changed.status).toBe(200)
    expect(changed.headers.get("etag")).not.toBe(tag)
  })

  it("covers many conversations at once, each with its own place", async () => {
    const host = await openHost()
    const me = host.chat.as({ userId: "ann" })
    const ids = await Promise.all(Array.from({ length: 50 }, async () => (await me.createSession()).id))
    const heads = await Promise.all(ids.map(async (id) => (await me.get(id)).head))
    await me.send(ids[7] as string, "here")
    const { body } = await apiOf(host, "ann")("GET", `/sync?${ids.map((id, i) => `c=${id}@${heads[i]}`).join("&")}`)
    expect(body["frames"]).toMatchObject([{ type: "changes", conversationId: ids[7], items: [{ kind: "message" }] }])
  })

  it("says of what is not there, or not one's own, that it is gone, and goes on with the rest", async () => {
    const host = await openHost()
    const { me, id, api } = await sessionOf(host)
    await me.send(id, "mine")
    const { id: foreign } = await host.chat.as({ userId: "bob" }).createSession()
    const { body } = await api("GET", `/sync?c=${foreign}&c=ses_nowhere&c=${id}`)
    expect(body["frames"].slice(0, 2)).toEqual([
      { type: "unsubscribed", conversationId: foreign, code: "conversation_not_found" },
      { type: "unsubscribed", conversationId: "ses_nowhere", code: "conversation_not_found" },
    ])
    expect(body["frames"].at(-1)).toMatchObject({ type: "changes", conversationId: id })
  })

  it.each([
    ["", "/query/c"],
    ["c=", "/query/c/0"],
    ["c=@e.1", "/query/c/0"],
    ["c=ses_a&c=ses_b@e.1&c=ses_a", "/query/c/2"],
    [`c=${"x".repeat(65)}`, "/query/c/0"],
    [`c=ses_a&c=ses_b@${"9".repeat(65)}`, "/query/c/1"],
    ["c=ses_%00", "/query/c/0"],
    [Array.from({ length: 51 }, (_, i) => `c=ses_${i}`).join("&"), "/query/c"],
    ["c=ses_a&a=x", "/query/a/0"],
    ["c=ses_a&a=msg_1@1.1&a=msg_1@1", "/query/a/1"],
    ["c=ses_a&a=msg_1@-1.1", "/query/a/0"],
    [`c=ses_a&${Array.from({ length: 51 }, (_, i) => `a=msg_${i}@1.1`).join("&")}`, "/query/a"],
    ["c=ses_a&wait=", "/query/wait"],
    ["c=ses_a&wait=-1", "/query/wait"],
    ["c=ses_a&wait=26", "/query/wait"],
    ["c=ses_a&wait=1e9", "/query/wait"],
    ["c=ses_a&wait=NaN", "/query/wait"],
    ["c=ses_a&wait=1&wait=2", "/query/wait"],
    ["c=ses_a&cursor=1", "/query/cursor"],
    ["c=ses_a&__proto__=1", "/query/__proto__"],
  ])("refuses %s", async (query, path) => {
    const host = await openHost()
    const answered = await apiOf(host, "ann")("GET", `/sync?${query}`)
    expect([answered.status, answered.body["error"].code, answered.body["error"].details.path]).toEqual([
      400,
      "invalid_request",
      path,
    ])
    expect(answered.body["error"].correlationId).toBe(answered.headers.get("x-correlation-id"))
  })
})

describe("a long-poll", () => {
  it("comes back with a message as soon as it is sent", async () => {
    const host = await openHost()
    const { me, id, api, head } = await sessionOf(host)
    const waiting = api("GET", `/sync?c=${id}@${await head()}&wait=25`, soon())
    await me.send(id, "news")
    expect((await waiting).body["frames"]).toMatchObject([{ type: "changes", items: [{ seq: 1, parts: [{ text: "news" }] }] }])
  })

  it("misses nothing between one and the next", async () => {
    const host = await openHost()
    const { me, id, api } = await sessionOf(host)
    const client = new ClientModel(id)
    const count = 40
    const sending = (async () => {
      for (let i = 1; i <= count; i++) {
        await me.send(id, `${i}`)
        if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    while (textsOf(client).length < count) await poll(api, client, 5)
    await sending
    expect(textsOf(client)).toEqual(Array.from({ length: count }, (_, i) => `${i + 1}`))
    expect(client.violations).toEqual([])
  })

  it("comes back when access is lost", async () => {
    const host = await openHost()
    const ann = host.chat.as({ userId: "ann" })
    const bob = host.chat.as({ userId: "bob" })
    const { id } = await ann.createRoom({ type: "private" })
    await ann.update(id, { invite: ["bob"] })
    await bob.join(id)
    const waiting = apiOf(host, "bob")("GET", `/sync?c=${id}@${(await bob.get(id)).head}&wait=25`, soon())
    await new Promise((resolve) => setTimeout(resolve, 50))
    await bob.leave(id)
    expect((await waiting).body["frames"]).toEqual([{ type: "unsubscribed", conversationId: id, code: "conversation_not_found" }])
  })

  it("comes back when the conversation is erased", async () => {
    const host = await openHost()
    const { me, id, api, head } = await sessionOf(host)
    const waiting = api("GET", `/sync?c=${id}@${await head()}&wait=25`, soon())
    await new Promise((resolve) => setTimeout(resolve, 50))
    await me.deleteConversation(id)
    expect((await waiting).body["frames"]).toEqual([{ type: "unsubscribed", conversationId: id, code: "conversation_not_found" }])
  })

  it("comes back with an answer's text as it grows, and asks for the rest only", async () => {
    const ai = scriptedAi()
    const host = await openHost({ ai: [ai.provider], timing: { deltaInterval: 5 } })
    const { me, id, api } = await sessionOf(host)
    const { answerId } = await me.send(id, "go")
    const client = new ClientModel(id)
    await poll(api, client)
    const wanted = ["One ", "two ", "three 🙂 ", "four."]
    let said = ""
    for (const piece of wanted) {
      const before = said
      said += piece
      const waiting = poll(api, client, 25)
      ai.say(piece)
      await waiting
      while (client.texts.get(answerId as string)?.text !== said) await poll(api, client, 25)
      expect(said.startsWith(before)).toBe(true)
    }
    const again = await poll(api, client)
    expect(again.body["frames"], "nothing is sent twice").toEqual([])
    ai.finish()
    while (client.texts.has(answerId as string)) await poll(api, client, 25)
    expect(textsOf(client).at(-1)).toBe(said)
    expect(client.violations).toEqual([])
  })

  it("comes back with nothing when its time is over, as 304 to a tag that holds", async () => {
    const host = await openHost({ timing: { longPollMax: 100 } })
    const { id, api, head } = await sessionOf(host)
    const url = `/sync?c=${id}@${await head()}&wait=25`
    const first = await api("GET", url)
    expect([first.status, first.body]).toEqual([200, { frames: [] }])
    const again = await api("GET", url, { headers: { "if-none-match": first.headers.get("etag") as string } })
    expect(again.status).toBe(304)
  })

  it("waits for as long as it says", async () => {
    const host = await openHost()
    const { id, api, head } = await sessionOf(host)
    const before = performance.now()
    expect((await api("GET", `/sync?c=${id}@${await head()}&wait=0.2`)).body).toEqual({ frames: [] })
    expect(performance.now() - before).toBeGreaterThan(190)
  })

  it("ends with its client", async () => {
    // One request at a time: the next one gets in only when this one is gone.
    const host = await openHost({ limits: { maxConnections: 1 } })
    const { id, api, head } = await sessionOf(host)
    const leaving = new AbortController()
    const waiting = api("GET", `/sync?c=${id}@${await head()}&wait=25`, { signal: leaving.signal })
    await expect.poll(async () => (await api("GET", "/sessions")).status).toBe(503)
    leaving.abort()
    await expect(waiting).rejects.toThrow()
    await expect.poll(async () => (await api("GET", "/sessions")).status).toBe(200)
    expect(host.logs.filter(({ level }) => level === "Error" || level === "ERROR")).toEqual([])
  })

  it("is sent elsewhere when the server lets go", async () => {
    const host = await openHost()
    const { id, api, head } = await sessionOf(host)
    const waiting = api("GET", `/sync?c=${id}@${await head()}&wait=25`, soon())
    await new Promise((resolve) => setTimeout(resolve, 50))
    await host.served.close()
    const answered = await waiting
    expect([answered.status, answered.body["error"].code, answered.headers.get("retry-after")]).toEqual([503, "draining", "1"])
  })

  it("does not wait at a server that drains", async () => {
    const host = await openHost({ timing: { drain: 50 } })
    const { id, api, head } = await sessionOf(host)
    const at = await head()
    await host.chat.drain()
    const answered = await api("GET", `/sync?c=${id}@${at}&wait=25`, { signal: AbortSignal.timeout(5_000) })
    expect([answered.status, answered.body, answered.headers.get("connection")]).toEqual([200, { frames: [] }, "close"])
  })
})
