import { randomUUID } from "node:crypto"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { createChat } from "@parley/core"
import { serve } from "@parley/adapters/http"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { memory } from "@parley/adapters/memory"

/** The login of this application: who holds which token. Parley only asks whose a token is. */
const logins = new Map<string, string>()

const chat = await createChat({
  storage: memory(),
  ai: [knowledgeAssistant()],
  authenticate: async (token) => {
    const userId = logins.get(token)
    return userId === undefined ? undefined : { userId }
  },
})

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const chunk of request) body += String(chunk)
  return body
}

/** The routes of this application. Parley takes what begins with /chat and leaves the rest to them. */
const server = createServer((request, response) => {
  if (request.method === "POST" && request.url === "/login") {
    void bodyOf(request).then((userId) => {
      const token = randomUUID()
      logins.set(token, userId)
      response.end(token)
    })
  } else if (request.url === "/") response.end("The application itself.\n")
  else response.writeHead(404).end()
})

const served = serve(chat, server, { prefix: "/chat" })
server.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

process.once("SIGTERM", () => {
  void (async () => {
    await chat.drain()
    await served.close()
    server.close()
    await chat.close()
  })()
})
