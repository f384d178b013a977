/**
 * The load's end of a WebSocket: counts the server's frames without decoding them, so that a thousand of these cost less than the server
 * that is measured. Text frames of one connection that somebody waits for are handed out whole.
 */
import { randomBytes } from "node:crypto"
import { connect, type Socket } from "node:net"

export interface RawWebSocket {
  readonly socket: Socket
  /** Text frames received. */
  readonly received: () => number
  /** Those that begin with `prefix`. */
  readonly matching: () => number
  readonly send: (text: string) => void
  readonly close: () => void
}

export interface RawOptions {
  readonly port: number
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Counted apart: a frame whose text begins like this. */
  readonly prefix?: string
  /** Gets the text frames that come while `wantsText`, at the price of decoding them. */
  readonly onText?: (text: string) => void
  readonly wantsText?: () => boolean
  /** Called with the number of matching frames of each read. */
  readonly onMatching?: (count: number) => void
}

const encodeText = (text: string): Buffer => {
  const payload = Buffer.from(text)
  const long = payload.length > 125
  const frame = Buffer.alloc((long ? 8 : 6) + payload.length)
  frame[0] = 0x81
  frame[1] = 0x80 | (long ? 126 : payload.length)
  if (long) frame.writeUInt16BE(payload.length, 2)
  // A mask of zeros is a mask: the payload stands as it is, and masking does not become what is measured.
  payload.copy(frame, long ? 8 : 6)
  return frame
}

export const openRaw = (options: RawOptions): Promise<RawWebSocket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port: options.port, host: "127.0.0.1", noDelay: true })
    const prefix = Buffer.from(options.prefix ?? "")
    let rest: Buffer = Buffer.alloc(0)
    let open = false
    let received = 0
    let matching = 0

    const raw: RawWebSocket = {
      socket,
      received: () => received,
      matching: () => matching,
      send: (text) => void socket.write(encodeText(text)),
      close: () => void socket.destroy(),
    }

    const read = (bytes: Buffer): void => {
      let at = 0
      let found = 0
      while (bytes.length - at >= 2) {
        const short = (bytes[at + 1] as number) & 0x7f
        const header = short < 126 ? 2 : short === 126 ? 4 : 10
        if (bytes.length - at < header) break
        const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUIntBE(at + 4, 6)
        const end = at + header + length
        if (bytes.length < end) break
        if ((bytes[at] as number) === 0x81) {
          received += 1
          if (
            prefix.length > 0 &&
            bytes.compare(prefix, 0, prefix.length, at + header, Math.min(end, at + header + prefix.length)) === 0
          )
            found += 1
          if (options.wantsText?.() === true) options.onText?.(bytes.toString("utf8", at + header, end))
        }
        at = end
      }
      rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at)
      if (found === 0) return
      matching += found
      options.onMatching?.(found)
    }

    socket.once("error", reject)
    socket.on("data", (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      if (open) return read(bytes)
      const end = bytes.indexOf("\r\n\r\n")
      rest = bytes
      if (end === -1) return
      if (!bytes.subarray(0, 12).toString().endsWith("101")) return reject(new Error(bytes.subarray(0, 200).toString()))
      open = true
      rest = Buffer.alloc(0)
      resolve(raw)
      if (bytes.length > end + 4) read(bytes.subarray(end + 4))
    })
    const headers = {
      Host: "127.0.0.1",
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      ...options.headers,
    }
    socket.write(
      `GET ${options.path} HTTP/1.1\r\n${Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("")}\r\n`,
    )
  })
