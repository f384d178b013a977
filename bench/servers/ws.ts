/** Bare `ws` at its best: compression off, one Buffer built once and sent to each subscriber, acks as JSON. */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { WebSocket, WebSocketServer } from "ws"
import { report } from "./report.ts"

const http: Server = createServer()
const server = new WebSocketServer({ server: http, perMessageDeflate: false, maxPayload: 65_536, clientTracking: false })
const rooms = new Map<string, Set<WebSocket>>()
let seq = 0

server.on("connection", (socket) => {
  const joined = new Set<string>()
  socket.on("message", (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as {
      readonly type: string
      readonly id: string
      readonly room: string
      readonly text?: string
    }
    if (frame.type === "join") {
      joined.add(frame.room)
      const members = rooms.get(frame.room) ?? new Set()
      rooms.set(frame.room, members.add(socket))
    }
    if (frame.type === "send_message") {
      seq += 1
      const message = {
        kind: "message",
        id: `msg_${seq}`,
        v: 1,
        author: { kind: "user", id: "ann" },
        type: "text",
        parts: [{ type: "text", text: frame.text }],
        seq,
        change: seq,
        createdAt: Date.now(),
        updatedAt: Date.now(),
      }
      const bytes = Buffer.from(JSON.stringify({ type: "new_message", conversationId: frame.room, change: seq, item: message }))
      for (const member of rooms.get(frame.room) ?? []) member.send(bytes, { binary: false })
    }
    socket.send(JSON.stringify({ type: "reply", id: frame.id, itemId: `msg_${seq}`, seq, change: seq }))
  })
  socket.on("close", () => {
    for (const room of joined) rooms.get(room)?.delete(socket)
  })
})
http.listen(0, "127.0.0.1", () => report((http.address() as AddressInfo).port))
