/** The answer to an upgrade request that is not granted: plain HTTP on the bare socket, which ends with it. */
import { Buffer } from "node:buffer"
import { STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import type { ErrorBody } from "@parley/core"
import { commonHeaders, errorAnswer } from "./answer.ts"

export const refuseUpgrade = (socket: Duplex, error: ErrorBody): void => {
  const { status, headers, body } = errorAnswer(error)
  const text = JSON.stringify(body)
  const lines = Object.entries({
    ...commonHeaders(error.correlationId),
    ...headers,
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(text)),
    Connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.on("error", () => void socket.destroy())
  socket.once("finish", () => void socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${text}`)
}
