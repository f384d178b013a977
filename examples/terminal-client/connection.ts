/** A WebSocket that is opened again whenever it breaks, and requests that are matched to their replies. */
import type { ErrorCode, ReplyFrame, ServerFrame } from "@parley/core/protocol"

export interface ConnectionOptions {
  readonly url: string
  readonly token: string
  /** Signed in, for the first time or again. What had no reply before has none any more. */
  readonly onReady: () => void
  readonly onFrame: (frame: ServerFrame) => void
  readonly onLost: () => void
  /** The server wants us no more. */
  readonly onEnd: (why: string) => void
}

/** How a request ends whose connection broke: whether it was done is unknown. */
export const LOST = "connection_lost"

export interface Refusal {
  readonly code: ErrorCode | typeof LOST
  readonly message: string
  readonly retryAfter?: number
}

export const openConnection = ({ url, token, onReady, onFrame, onLost, onEnd }: ConnectionOptions) => {
  const open = new Map<string, { resolve: (reply: ReplyFrame) => void; reject: (refusal: Refusal) => void }>()
  let socket: WebSocket
  let requests = 0
  let failures = 0
  let draining = false
  /** The newest subscribe without a reply: until it has one, what comes is of the subscription before. */
  let subscribing: string | undefined
  let over = false

  const lost: Refusal = { code: LOST, message: "The connection was lost." }

  const ask = (type: string, fields: object = {}): Promise<ReplyFrame> =>
    new Promise((resolve, reject) => {
      if (socket.readyState !== WebSocket.OPEN) return reject(lost)
      const id = String((requests += 1))
      open.set(id, { resolve, reject })
      if (type === "subscribe") subscribing = id
      socket.send(JSON.stringify({ type, id, ...fields }))
    })

  const settle = (frame: Extract<ServerFrame, { readonly type: "reply" | "error" }>): void => {
    const request = open.get(frame.id ?? "")
    open.delete(frame.id ?? "")
    // Here and not where the promise goes on: the next frame may come in the same tick.
    if (frame.id === subscribing) subscribing = undefined
    if (frame.type === "reply") request?.resolve(frame)
    else request?.reject(frame.error)
  }

  const end = (why: string): void => {
    over = true
    onEnd(why)
  }

  const connect = (): void => {
    if (over) return
    draining = false
    subscribing = undefined
    socket = new WebSocket(url)
    // A refused token is followed by a close that says so.
    socket.addEventListener("open", () => void ask("authenticate", { token }).catch(() => {}))
    socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(String(data)) as ServerFrame
      if (frame.type === "reply" || frame.type === "error") settle(frame)
      else if (frame.type === "drain") draining = true
      else if (frame.type === "welcome") {
        failures = 0
        onReady()
      } else if (subscribing === undefined) onFrame(frame)
    })
    socket.addEventListener("close", ({ code }) => {
      for (const { reject } of open.values()) reject(lost)
      open.clear()
      if (over) return
      if (code >= 4400 && code < 4500) return end("the token is not valid any more")
      if (code >= 4500 && code < 5000) return end(`the server closed with ${code}`)
      onLost()
      setTimeout(connect, draining ? 0 : Math.random() * Math.min(30_000, 1_000 * 2 ** failures))
      failures += 1
    })
  }

  connect()
  return {
    /** Rejects with a Refusal. */
    ask,
    close: () => {
      over = true
      socket.close()
    },
  }
}
