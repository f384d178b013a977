import Fastify, { type FastifyInstance } from "fastify"
import { afterEach, expect, it } from "vitest"
import { WebSocket } from "ws"
import { type Chat, createChat } from "@parley/core"
import { devAuthenticator } from "@parley/adapters/jwt"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { memory } from "@parley/adapters/memory"
import { parley } from "../src/index.ts"
import { askIn, openChatClient } from "./chat-client.ts"

const closers: Array<() => Promise<unknown>> = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const open = async (mount: (app: FastifyInstance, chat: Chat) => unknown) => {
  const chat = await createChat({
    storage: memory(),
    ai: [knowledgeAssistant({ paceMs: 0 })],
    authenticate: devAuthenticator(),
  })
  const app = Fastify()
  closers.push(
    () => app.close(),
    () => chat.close(),
  )
  mount(app, chat)
  return { url: await app.listen({ host: "127.0.0.1", port: 0 }), app, chat }
}

const ANN = { authorization: "Bearer dev:ann" }
const post = (url: string, body: object) =>
  fetch(url, { method: "POST", headers: { ...ANN, "content-type": "application/json" }, body: JSON.stringify(body) })

it("mounts the chat beside the routes of the application, bodies of both intact", async () => {
  const { url } = await open((application, engine) => {
    application.post("/echo", async (request) => ({ got: request.body }))
    application.register(parley, { chat: engine, prefix: "/talk" })
  })
  expect(await (await post(`${url}/echo`, { a: 1 })).json()).toEqual({ got: { a: 1 } })

  const created = await post(`${url}/talk/sessions`, { name: "from fastify" })
  expect(created.status).toBe(201)
  const { conversationId } = (await created.json()) as { conversationId: string }
  const sent = await post(`${url}/talk/sessions/${conversationId}/messages`, { text: "What is Parley?" })
  expect(sent.status).toBe(201)
  const history = (await (await fetch(`${url}/talk/sessions/${conversationId}/history`, { headers: ANN })).json()) as {
    messages: ReadonlyArray<{ parts: ReadonlyArray<{ text?: string }> }>
  }
  expect(history.messages[0]?.parts[0]?.text).toBe("What is Parley?")
})

it("stands at /v1/chat without a prefix, and below the prefix of whoever registers it", async () => {
  const { url } = await open((application, engine) => {
    application.register(parley, { chat: engine })
    application.register(async (scope) => scope.register(parley, { chat: engine, prefix: "/chat" }), { prefix: "/api" })
  })
  expect((await fetch(`${url}/v1/chat/sessions`, { headers: ANN })).status).toBe(200)
  expect((await fetch(`${url}/api/chat/sessions`, { headers: ANN })).status).toBe(200)
})

it("keeps the headers that hooks of the application set", async () => {
  const { url } = await open((application, engine) => {
    application.addHook("onRequest", async (_request, reply) => void reply.header("x-frame-options", "DENY"))
    application.register(parley, { chat: engine })
  })
  const answer = await fetch(`${url}/v1/chat/sessions`, { headers: ANN })
  expect(answer.headers.get("x-frame-options")).toBe("DENY")
})

it("lets the application's hooks refuse before the chat is asked", async () => {
  const { url } = await open((application, engine) => {
    application.addHook("onRequest", async (_request, reply) => reply.code(429).send({ slow: "down" }))
    application.register(parley, { chat: engine })
  })
  const answer = await fetch(`${url}/v1/chat/sessions`, { headers: ANN })
  expect([answer.status, await answer.json()]).toEqual([429, { slow: "down" }])
})

it("chats over a WebSocket, and close() ends it instead of hanging", async () => {
  const { url, app } = await open((application, engine) => application.register(parley, { chat: engine }))
  const client = await openChatClient(url, "dev:ann")
  await askIn(client, "What is Parley?")
  await client.next(({ type }) => type === "answer_delta")
  await app.close()
  expect(await client.closed).toBe(4000)
})

it("ends a waiting long-poll when the application closes", async () => {
  const { url, app } = await open((application, engine) => application.register(parley, { chat: engine }))
  const { conversationId } = (await (await post(`${url}/v1/chat/sessions`, {})).json()) as { conversationId: string }
  const first = await fetch(`${url}/v1/chat/sync?c=${conversationId}`, { headers: ANN })
  const { frames } = (await first.json()) as { frames: ReadonlyArray<{ epoch: string; upTo: number }> }
  const cursor = `${frames.at(-1)?.epoch}.${frames.at(-1)?.upTo}`
  const waiting = fetch(`${url}/v1/chat/sync?c=${conversationId}@${cursor}&wait=25`, { headers: ANN })
  // Another request on the same server is answered: the poll before it has arrived.
  await fetch(`${url}/v1/chat/sessions`, { headers: ANN })
  await app.close()
  expect([200, 304, 503]).toContain((await waiting).status)
})

it("refuses an upgrade that nobody else takes", async () => {
  const { url } = await open((application, engine) => application.register(parley, { chat: engine }))
  const statusOf = (path: string) =>
    new Promise<number | undefined>((resolve) => {
      const socket = new WebSocket(url.replace("http", "ws") + path)
      socket.on("unexpected-response", (_request, response) => resolve(response.statusCode))
      socket.on("error", () => {})
    })
  expect(await statusOf("/elsewhere")).toBe(404)
  expect(await statusOf("/v1/chat/nowhere")).toBe(404)
})

it("tells its health below the prefix", async () => {
  const { url, chat } = await open((application, engine) => application.register(parley, { chat: engine }))
  expect(await (await fetch(`${url}/v1/chat/healthz`)).json()).toEqual({ alive: true })
  expect((await fetch(`${url}/v1/chat/readyz`)).status).toBe(200)
  await chat.drain()
  const ready = await fetch(`${url}/v1/chat/readyz`)
  expect([ready.status, await ready.json()]).toMatchObject([503, { ready: false, parts: { process: { draining: true } } }])
})
