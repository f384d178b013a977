/**
 * One upgraded socket as the gateway sees it.
 *
 * Batches go straight to the `net.Socket`, past `ws`, so that one event for a thousand readers is framed once and leaves in one write per socket.
 * `ws` reads, and writes control frames (pong, ping, close). Both may share the socket because each write is a sequence of whole frames, made
 * in one synchronous step, and because the sender of `ws` never holds a frame back: it queues only while it compresses or reads a
 * Blob, compression is off, and nothing is ever sent through it as a message.
 */
import { Buffer } from "node:buffer"
import type { Socket } from "node:net"
import { WebSocket, type RawData } from "ws"
import { type Batch, CLOSE_CODES, type CloseReason, type Connection, type Sink } from "@parley/core"
import { encodeBatch } from "./frames.ts"

/** Knows its sink, so that listeners are four functions for all sockets together instead of four closures for each. */
export class ChatSocket extends WebSocket {
  sink: SocketSink | undefined
}

const NOTHING = Buffer.alloc(0)

export class SocketSink implements Sink {
  connection: Connection | undefined
  private readonly socket: Socket
  private webSocket: ChatSocket | undefined
  private watching = false

  constructor(socket: Socket) {
    this.socket = socket
  }

  get isOpen(): boolean {
    return this.webSocket !== undefined
  }

  open(webSocket: ChatSocket): void {
    this.webSocket = webSocket
    webSocket.sink = this
    webSocket.on("message", onMessage)
    webSocket.on("pong", onPong)
    webSocket.on("error", onEnd)
    webSocket.on("close", onEnd)
  }

  write(batch: Batch): void {
    if (this.webSocket?.readyState !== WebSocket.OPEN) return
    this.socket.write(encodeBatch(batch))
    // Usually the kernel has taken it by now.
    if (!this.watching && this.socket.writableLength > 0) this.watch()
  }

  /**
   * Calls `drained` once what is queued now has gone out. An empty write keeps its place in the queue; the stream's own `drain` event would not
   * come for less than its high-water mark.
   */
  private watch(): void {
    this.watching = true
    this.socket.write(NOTHING, () => {
      this.watching = false
      if (this.webSocket?.readyState !== WebSocket.OPEN) return
      if (this.socket.writableLength > 0) this.watch()
      this.connection?.drained()
    })
  }

  queuedBytes(): number {
    return this.socket.writableLength
  }

  /** Counts a write when the kernel has taken all of it. */
  flushedBytes(): number {
    return this.socket.bytesWritten - this.socket.writableLength
  }

  ping(): void {
    this.webSocket?.ping()
  }

  /** `ws` destroys the socket when the other side does not close within its `closeTimeout`. */
  close(reason: CloseReason): void {
    // The answer to the close frame has to be read.
    this.webSocket?.resume()
    this.webSocket?.close(CLOSE_CODES[reason], reason)
  }

  /** Frames of the read that is under way, 64 KiB at most, still come. */
  pause(): void {
    this.webSocket?.pause()
  }

  resume(): void {
    this.webSocket?.resume()
  }

  /** The first sign of the end, whichever it is: `error` may come long before `close`. */
  ended(): void {
    const { connection } = this
    this.connection = undefined
    connection?.closed()
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const connection = (this as ChatSocket).sink?.connection
  if (isBinary) connection?.close("protocol_violation")
  // A text message of `ws` is one Buffer of valid UTF-8, unless another `binaryType` is set.
  else connection?.receive((data as Buffer).toString())
}

function onPong(this: WebSocket): void {
  ;(this as ChatSocket).sink?.connection?.alive()
}

function onEnd(this: WebSocket): void {
  ;(this as ChatSocket).sink?.ended()
}
