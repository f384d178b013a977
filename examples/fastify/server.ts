import { randomUUID } from "node:crypto"
import Fastify from "fastify"
import { createChat } from "@parley/core"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { memory } from "@parley/adapters/memory"
import { parley } from "@parley/server"

const logins = new Map<string, string>()

const chat = await createChat({
  storage: memory(),
  ai: [knowledgeAssistant()],
  authenticate: async (token) => {
    const userId = logins.get(token)
    return userId === undefined ? undefined : { userId }
  },
})

const app = Fastify()
app.get("/", async () => "The application itself.\n")
app.get("/login", async (request) => {
  const token = randomUUID()
  logins.set(token, String(request.headers["x-user"]))
  return token
})
await app.register(parley, { chat, prefix: "/chat" })

console.log(await app.listen({ host: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) }))

process.once("SIGTERM", () => {
  void (async () => {
    await chat.drain()
    await app.close()
    await chat.close()
  })()
})
