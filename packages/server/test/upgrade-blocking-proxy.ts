/** A proxy as some networks have them: HTTP passes, and what becomes of a WebSocket upgrade is up to its mood. */
import { createServer, request as httpRequest } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"

export type Mood = "refuse" | "hang" | "pass"

export const startProxy = async (target: string, mood: Mood) => {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const state = { mood, upgrades: 0 }
  const server = createServer((request, response) => {
    const { method, url, headers } = request
    const upstream = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    upstream.on("error", () => response.destroy())
    response.on("close", () => upstream.destroy())
    request.pipe(upstream)
  })
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
  })
  server.on("upgrade", (request, socket, head) => {
    state.upgrades += 1
    socket.on("error", () => socket.destroy())
    if (state.mood === "refuse")
      return void socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    if (state.mood === "hang") return
    const upstream = connect(Number(port), hostname, () => {
      const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`)
      upstream.write(`GET ${request.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`)
      upstream.write(head)
      upstream.pipe(socket).pipe(upstream)
    })
    upstream.on("error", () => socket.destroy())
    socket.on("close", () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    upgrades: () => state.upgrades,
    setMood: (next: Mood) => {
      state.mood = next
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
