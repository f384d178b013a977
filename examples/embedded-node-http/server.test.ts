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

const login = async (url: string, user: string) => (await fetch(`${url}/login`, { method: "POST", body: user })).text()

it("serves its own routes and the chat side by side, with its own login", async () => {
  const { child, url } = await start()
  expect(await (await fetch(url)).text()).toBe("The application itself.\n")
  expect((await fetch(`${url}/chat/sessions`, { headers: { authorization: "Bearer made-up" } })).status).toBe(401)

  const headers = { authorization: `Bearer ${await login(url, "ann")}`, "content-type": "application/json" }
  const created = await fetch(`${url}/chat/sessions`, { method: "POST", headers, body: "{}" })
  const { conversationId } = (await created.json()) as { conversationId: string }

  const socket = new WebSocket(`${url.replace("http", "ws")}/chat/ws`, { headers })
  const answered = new Promise<string>((resolve) => {
    socket.on("message", (data) => {
      const frame = JSON.parse((data as Buffer).toString()) as {
        type: string
        item?: { answer?: { state: string }; parts: ReadonlyArray<object> }
      }
      if (frame.item?.answer?.state === "complete") resolve(JSON.stringify(frame.item.parts))
    })
  })
  await once(socket, "open")
  socket.send(JSON.stringify({ type: "subscribe", id: "1", conversationId }))
  const text = JSON.stringify({ text: "What is Parley?" })
  expect((await fetch(`${url}/chat/sessions/${conversationId}/messages`, { method: "POST", headers, body: text })).status).toBe(
    201,
  )
  expect(await answered).toContain("Parley is a chat engine")

  const others = { authorization: `Bearer ${await login(url, "ben")}` }
  expect((await fetch(`${url}/chat/sessions/${conversationId}/history`, { headers: others })).status).toBe(404)

  socket.close()
  await once(socket, "close")
  child.kill("SIGTERM")
  const [code] = (await once(child, "exit")) as [number | null]
  expect(code).toBe(0)
}, 60_000)
