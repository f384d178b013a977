/** The client's end of a connection in this process: a network of its own pace under the real `Connection`. */
import type { Batch } from "../../src/gateway/batch.ts"
import type { Connection } from "../../src/gateway/connection.ts"
import type { Sink } from "../../src/gateway/sink.ts"
import type { CloseReason } from "../../src/protocol/close-codes.ts"
import type { Principal } from "../../src/domain/principal.ts"
import type { ServerFrame } from "../../src/protocol/frames.ts"
import type { Node } from "./cluster.ts"
import type { Simulation } from "./simulation.ts"

/** How many milliseconds the network takes for one batch; `stuck`: it takes nothing. */
export type Pace = number | "at once" | "stuck"

export interface Wire {
  readonly send: (frame: { readonly type: string; readonly [field: string]: unknown }) => string
  /** The client goes without a word: what is on its way is lost. */
  readonly cut: () => void
  readonly setPace: (pace: Pace) => void
  readonly queued: () => number
  readonly peak: () => number
  readonly paused: () => boolean
  readonly closedWith: () => CloseReason | undefined
  readonly frames: ReadonlyArray<ServerFrame>
  readonly connection: Connection
}

export interface WireOptions {
  readonly pace?: Pace
  readonly principal?: Principal
  readonly onFrame?: (frame: ServerFrame) => void
  readonly onClose?: (reason: CloseReason) => void
  /** Answers pings. */
  readonly lively?: boolean
}

export const openWire = (sim: Simulation, node: Node, options: WireOptions = {}): Wire | undefined => {
  const network = sim.process()
  const frames: Array<ServerFrame> = []
  const queue: Array<Batch> = []
  let pace = options.pace ?? "at once"
  let queued = 0
  let flushed = 0
  let peak = 0
  let moving = false
  let paused = false
  let closed: CloseReason | undefined
  let requests = 0

  const receive = (batch: Batch): void => {
    for (const text of batch.frames) {
      const frame = JSON.parse(text) as ServerFrame
      frames.push(frame)
      if (network.alive()) options.onFrame?.(frame)
    }
  }
  const move = (): void => {
    if (moving || pace === "stuck" || queue.length === 0) return
    moving = true
    network.later(pace === "at once" ? 0 : pace, () => {
      moving = false
      const batch = queue.shift()
      if (batch === undefined) return
      queued -= batch.length
      flushed += batch.length
      receive(batch)
      if (queued === 0 && node.process.alive()) connection?.drained()
      move()
    })
  }
  const sink: Sink = {
    write: (batch) => {
      if (closed !== undefined) return
      if (pace === "at once" && queue.length === 0) {
        flushed += batch.length
        return receive(batch)
      }
      queue.push(batch)
      queued += batch.length
      peak = Math.max(peak, queued)
      move()
    },
    queuedBytes: () => queued,
    flushedBytes: () => flushed,
    ping: () => {
      if (options.lively !== false) network.later(0, () => node.process.alive() && connection?.alive())
    },
    close: (reason) => {
      closed = reason
      if (network.alive()) options.onClose?.(reason)
    },
    pause: () => void (paused = true),
    resume: () => void (paused = false),
  }
  const connection = node.gateway.connect(sink, options.principal)
  if (connection === undefined) return undefined
  return {
    send: (frame) => {
      const id = typeof frame["id"] === "string" ? frame["id"] : `r${++requests}`
      if (node.process.alive()) connection.receive(JSON.stringify({ ...frame, id }))
      return id
    },
    cut: () => {
      network.kill()
      if (node.process.alive()) connection.closed()
    },
    setPace: (next) => {
      pace = next
      move()
    },
    queued: () => queued,
    peak: () => peak,
    paused: () => paused,
    closedWith: () => closed,
    frames,
    connection,
  }
}

/** The reply or error to a request. */
export const replyTo = (wire: Wire, id: string): Extract<ServerFrame, { readonly type: "reply" | "error" }> | undefined =>
  wire.frames.find(
    (frame): frame is Extract<ServerFrame, { readonly type: "reply" | "error" }> =>
      (frame.type === "reply" || frame.type === "error") && frame.id === id,
  )
