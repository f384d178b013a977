import type { Duplex } from "node:stream"

/** Answers an upgrade request that is none of the chat's, and ends its socket. */
export const refuseUpgrade = (socket: Duplex, status: string): void => {
  socket.on("error", () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
