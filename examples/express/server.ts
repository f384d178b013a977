import { randomUUID } from "node:crypto"
import type { AddressInfo } from "node:net"
import express from "express"
import { createChat } from "@parley/core"
import { httpHandler } from "@parley/adapters/http"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { memory } from "@parley/adapters/memory"
import { websocketUpgrade } from "@parley/adapters/websocket"

const logins = new Map<string, string>()

const chat = await createChat({
  storage: memory(),
  ai: [knowledgeAssistant()],
  authenticate: async (token) => {
    const userId = logins.get(token)
    return userId === undefined ? undefined : { userId }
  },
})

const door = { prefix: "/chat" }
const handler = httpHandler(chat, door)
const upgrade = websocketUpgrade(chat, door)

const app = express()
// Before any body parser: the chat bounds its bodies itself. Without a path, because Express takes a mount path off the URL.
app.use((request, response, next) => void handler(request, response).then((taken) => taken || next()))
app.use(express.json())
app.post("/echo", (request, response) => void response.json({ got: request.body as unknown }))
app.get("/", (_request, response) => void response.send("The application itself.\n"))
app.get("/login", (request, response) => {
  const token = randomUUID()
  logins.set(token, request.get("x-user") ?? "")
  response.send(token)
})

const server = app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
server.on("upgrade", (request, socket, head) => upgrade(request, socket, head) || socket.destroy())

process.once("SIGTERM", () => {
  void (async () => {
    await chat.drain()
    await Promise.all([handler.close(), upgrade.close()])
    server.close()
    server.closeIdleConnections()
    await chat.close()
  })()
})
