/**
 * A client that outlives its server: what got no reply is sent again under the same clientMessageId once there is a connection.
 * It keeps what the server acknowledged, to be held against the log afterwards.
 */
import { setTimeout as pause } from "node:timers/promises"
import { WebSocket } from "ws"

export interface Ack {
  readonly itemId: string
  readonly seq: number
  readonly change: number
  readonly text: string
  readonly answerId?: string
}

type Frame = { readonly type: string; readonly id?: string; readonly [field: string]: unknown }

export class CutTolerantClient {
  readonly acks = new Map<string, Ack>()
  /** How many requests were sent a second time. */
  repeats = 0
  readonly #url: string
  readonly #token: string
  readonly #onFrame: (frame: Frame) => void
  readonly #replies = new Map<string, { readonly resolve: (frame: Frame) => void; readonly reject: (error: Error) => void }>()
  #socket: WebSocket | undefined
  #connecting: Promise<void> | undefined
  #next = 0
  #closed = false

  constructor(base: string, userId: string, onFrame: (frame: Frame) => void = () => {}) {
    this.#url = `${base.replace("http", "ws")}/v1/chat/ws`
    this.#token = `dev:${userId}`
    this.#onFrame = onFrame
  }

  /** Resolves once the server said welcome; tries until then. Callers who wait at the same time share one connection. */
  connect(): Promise<void> {
    this.#connecting ??= this.#tryUntilOpen().finally(() => (this.#connecting = undefined))
    return this.#connecting
  }

  async #tryUntilOpen(): Promise<void> {
    while (!this.#closed) {
      try {
        return await this.#open()
      } catch {
        await pause(20)
      }
    }
  }

  /** Fails when the connection is cut before the reply; an error frame is a reply. */
  async request(frame: { readonly type: string; readonly [field: string]: unknown }): Promise<Frame> {
    if (this.#socket?.readyState !== WebSocket.OPEN) await this.connect()
    const id = String(this.#next++)
    return new Promise((resolve, reject) => {
      this.#replies.set(id, { resolve, reject })
      this.#socket?.send(JSON.stringify({ ...frame, id }))
    })
  }

  /** Sends until there is an ack, whatever happens to the server meanwhile. */
  async send(conversationId: string, clientMessageId: string, text: string): Promise<Ack> {
    for (;;) {
      try {
        const reply = await this.request({ type: "send_message", conversationId, clientMessageId, text })
        if (reply.type === "reply") {
          const { itemId, seq, change, answer } = reply as unknown as Omit<Ack, "text"> & {
            readonly answer?: { readonly itemId: string }
          }
          const ack = { itemId, seq, change, text, ...(answer === undefined ? {} : { answerId: answer.itemId }) }
          this.acks.set(clientMessageId, ack)
          return ack
        }
        const { code } = reply["error"] as { readonly code: string }
        if (code !== "storage_unavailable" && code !== "draining") throw new TypeError(`a send was refused as ${code}`)
      } catch (error) {
        if (error instanceof TypeError || this.#closed) throw error
      }
      this.repeats += 1
    }
  }

  get connected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN
  }

  close(): void {
    this.#closed = true
    this.#socket?.terminate()
  }

  #open(): Promise<void> {
    const socket = new WebSocket(this.#url, { headers: { authorization: `Bearer ${this.#token}` }, perMessageDeflate: false })
    return new Promise((resolve, reject) => {
      const cut = (): void => {
        const error = new Error("the connection was cut")
        reject(error)
        if (this.#socket !== socket) return
        this.#socket = undefined
        const waiting = [...this.#replies.values()]
        this.#replies.clear()
        for (const reply of waiting) reply.reject(error)
      }
      socket.on("error", cut).on("close", cut)
      socket.on("message", (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as Frame
        if (frame.type === "welcome") {
          this.#socket = socket
          resolve()
        } else if (frame.id !== undefined && (frame.type === "reply" || frame.type === "error")) {
          this.#replies.get(frame.id)?.resolve(frame)
          this.#replies.delete(frame.id)
        }
        this.#onFrame(frame)
      })
    })
  }
}
