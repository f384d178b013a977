/** The load's end of HTTP/1.1: one request at a time over each of several kept connections; answers are counted by their length, not decoded. */
import { connect, type Socket } from "node:net"

export interface RawHttp {
  /** Sends a request and waits for its answer; gives the status. */
  readonly request: (head: string, body?: string) => Promise<number>
  readonly close: () => void
}

export const openHttp = (port: number): Promise<RawHttp> =>
  new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true })
    let rest = ""
    let answered: ((status: number) => void) | undefined
    socket.setEncoding("latin1")
    socket.once("error", reject)
    socket.once("connect", () =>
      resolve({
        request: (head, body = "") =>
          new Promise((done) => {
            answered = done
            socket.write(
              `${head}\r\nHost: 127.0.0.1\r\n${body === "" ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`}\r\n${body}`,
            )
          }),
        close: () => void socket.destroy(),
      }),
    )
    socket.on("data", (chunk) => {
      rest += String(chunk)
      const end = rest.indexOf("\r\n\r\n")
      if (end === -1) return
      const length = Number(/content-length: (\d+)/iu.exec(rest.slice(0, end))?.[1] ?? 0)
      if (rest.length < end + 4 + length) return
      const status = Number(rest.slice(9, 12))
      rest = rest.slice(end + 4 + length)
      answered?.(status)
    })
  })
