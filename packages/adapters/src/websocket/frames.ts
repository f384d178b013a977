/** Server frames as bytes: RFC 6455 §5.2, text, final, unmasked. */
import { Buffer } from "node:buffer"
import type { Batch } from "@parley/core"

const FINAL_TEXT = 0x81
const ENCODING = "websocket"

const headerLength = (payload: number): number => (payload < 126 ? 2 : payload < 65_536 ? 4 : 10)

const encode = (frames: ReadonlyArray<string>): Buffer => {
  let length = 0
  for (const frame of frames) {
    const payload = Buffer.byteLength(frame)
    length += headerLength(payload) + payload
  }
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for (const frame of frames) {
    const payload = Buffer.byteLength(frame)
    bytes[at] = FINAL_TEXT
    if (payload < 126) bytes[at + 1] = payload
    else if (payload < 65_536) {
      bytes[at + 1] = 126
      bytes.writeUInt16BE(payload, at + 2)
    } else {
      bytes[at + 1] = 127
      bytes.writeUInt16BE(0, at + 2)
      bytes.writeUIntBE(payload, at + 4, 6)
    }
    at += headerLength(payload)
    at += bytes.write(frame, at)
  }
  return bytes
}

/** Framed once, however many sockets it is written to. Nobody may change these bytes. */
export const encodeBatch = (batch: Batch): Buffer => (batch.encodings[ENCODING] ??= encode(batch.frames)) as Buffer
