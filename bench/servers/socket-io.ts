/** `socket.io`, WebSocket only, compression off: rooms and acknowledgements by its own means. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Server } from "socket.io"
import { report } from "./report.ts"

const http = createServer()
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, httpCompression: false, serveClient: false })
let seq = 0

io.on("connection", (socket) => {
  socket.on("join", (room: string, done: (reply: unknown) => void) => {
    void socket.join(room)
    done({ type: "reply" })
  })
  socket.on("send_message", (frame: { readonly room: string; readonly text: string }, done: (reply: unknown) => void) => {
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
    io.to(frame.room).emit("new_message", { conversationId: frame.room, change: seq, item: message })
    done({ itemId: message.id, seq, change: seq })
  })
})
http.listen(0, "127.0.0.1", () => report((http.address() as AddressInfo).port))
