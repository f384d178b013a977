/**
 * One event stream as the gateway sees it.
 *
 * Nothing comes back over it. So the connection counts as alive when the kernel has taken a heartbeat, and a client that has gone without a
 * word is noticed when TCP gives it up, or when its queue stands still.
 */
import { Buffer } from "node:buffer"
import type { ServerResponse } from "node:http"
import { type Batch, CLOSE_CODES, type ClosedFrame, type CloseReason, type Connection, type Sink } from "@parley/core"
import { encodeBatch, encodeFrame, encodeId, HEARTBEAT } from "./event-stream.ts"
import { formatConversations } from "./sync-query.ts"

/** Between two ids, milliseconds: what moved since the last one is sent again after a cut, and taken again without harm. */
const ID_INTERVAL = 1_000
/** How long a client has to take what was queued when the stream was closed, milliseconds. */
const CLOSE_TIMEOUT = 3_000
const NOTHING = Buffer.alloc(0)

export class EventStreamSink implements Sink {
  private connection: Connection | undefined
  private readonly response: ServerResponse
  /** The newest id that the browser was told, or what it asked for itself. */
  private lastId: string
  private nextId: NodeJS.Timeout | undefined
  private watching = false
  private closing = false

  constructor(response: ServerResponse, lastId: string) {
    this.response = response
    this.lastId = lastId
  }

  /** `onEnd` runs once, when the response is over, whoever ended it. */
  open(connection: Connection, onEnd: () => void): void {
    this.connection = connection
    // Its `close` follows.
    this.response.on("error", () => {})
    this.response.once("close", () => {
      this.closing = true
      clearTimeout(this.nextId)
      this.connection = undefined
      connection.closed()
      onEnd()
    })
  }

  write(batch: Batch): void {
    if (this.closing) return
    this.send(encodeBatch(batch))
    this.nextId ??= setTimeout(() => {
      this.nextId = undefined
      this.sayId()
    }, ID_INTERVAL)
  }

  private send(bytes: Buffer): void {
    const { response } = this
    const { socket } = response
    // Node holds what a response writes until the end of the tick, unless somebody else decides: then nothing would ever look taken.
    socket?.cork()
    response.write(bytes)
    socket?.uncork()
    if (!this.watching && response.writableLength > 0) this.watch()
  }

  /** Calls `drained` once what is queued now has gone out: an empty write keeps its place in the queue. */
  private watch(): void {
    this.watching = true
    this.response.write(NOTHING, () => {
      this.watching = false
      if (this.closing) return
      if (this.response.writableLength > 0) this.watch()
      this.connection?.drained()
    })
  }

  private sayId(): void {
    if (this.connection === undefined) return
    const id = formatConversations(this.connection.cursors())
    if (id === this.lastId) return
    this.lastId = id
    this.send(encodeId(id))
  }

  queuedBytes(): number {
    return this.response.writableLength
  }

  /** Counts a write when the kernel has taken all of it. */
  flushedBytes(): number {
    const { socket } = this.response
    return socket === null ? 0 : socket.bytesWritten - socket.writableLength
  }

  ping(): void {
    if (this.closing) return
    this.response.write(HEARTBEAT, (error) => {
      if (error === undefined || error === null) this.connection?.alive()
    })
  }

  close(reason: CloseReason): void {
    if (this.closing) return
    this.sayId()
    this.closing = true
    clearTimeout(this.nextId)
    const frame: ClosedFrame = { type: "closed", code: CLOSE_CODES[reason], reason }
    const { response } = this
    response.end(encodeFrame(frame))
    const cutOff = setTimeout(() => response.destroy(), CLOSE_TIMEOUT)
    response.once("close", () => clearTimeout(cutOff))
  }

  /** A stream has nothing to read from its client. */
  pause(): void {}
  resume(): void {}
}
