import { spawn } from "node:child_process"
import { once } from "node:events"
import { afterEach, expect, it } from "vitest"
import { WebSocket } from "ws"

const children: Array<ReturnType<typeof spawn>> = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL")
})

const start = async () => {
  const program = new URL("server.ts", import.meta.url).pathname
  const child = spawn(process.execPath, [program], { env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] })
  children.push(child)
  const [line] = (await once(child.stdout, "data")) as [Buffer]
  return { child, url: line.toString().trim() }
}

it("serves its own routes and the chat side by side, and ends when asked", async () => {
  const { child, url } = await start()
  expect(await (await fetch(url)).text()).toBe("The application itself.\n")
  expect((await fetch(`${url}/chat/sessions`, { headers: { authorization: "Bearer made-up" } })).status).toBe(401)

  const token = await (await fetch(`${url}/login`, { headers: { "x-user": "ann" } })).text()
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
  const post = async (path: string, body: object) => {
    const answer = await fetch(`${url}/chat/${path}`, { method: "POST", headers, body: JSON.stringify(body) })
    return [answer.status, await answer.json()] as const
  }
  const [created, { conversationId }] = (await post("sessions", {})) as [number, { conversationId: string }]
  expect(created).toBe(201)

  const socket = new WebSocket(`${url.replace("http", "ws")}/chat/ws`, { headers })
  const answered = new Promise<string>((resolve) => {
    socket.on("message", (data) => {
      const text = (data as Buffer).toString()
      if (text.includes('"state":"complete"')) resolve(text)
    })
  })
  await once(socket, "open")
  socket.send(JSON.stringify({ type: "subscribe", id: "1", conversationId }))
  expect((await post(`sessions/${conversationId}/messages`, { text: "What is Parley?" }))[0]).toBe(201)
  expect(await answered).toContain("Parley is a chat engine")

  socket.close()
  await once(socket, "close")
  child.kill("SIGTERM")
  const [code] = (await once(child, "exit")) as [number | null]
  expect(code).toBe(0)
}, 60_000)
