/**
 * The outgoing half of a connection: what is said in one tick goes out as one write, and nothing piles up for a client that does not take it.
 *
 * Frames wait in `pending` until the end of the tick; bytes wait in the sink; pages that are being read have their room `reserved`.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Limits } from "../policy/limits.ts"
import type { ServerFrame } from "../protocol/frames.ts"
import { type Batch, batchOf } from "./batch.ts"
import type { PageOutlet } from "./catch-up.ts"
import type { Sink } from "./sink.ts"

/** What all connections of a gateway share. */
export interface OutboundWorld {
  readonly limits: Limits
  /** Calls `flush` at the end of this tick. */
  readonly flushLater: (outbound: Outbound) => void
}

export class Outbound implements PageOutlet {
  readonly sink: Sink
  private readonly world: OutboundWorld
  private readonly onRoom: () => void
  private pending: Array<string> = []
  private pendingLength = 0
  private reserved = 0
  private ended = false
  private waiting: Array<(effect: Effect.Effect<void>) => void> | undefined
  /** Lets as many pages be read at a time as find room. Exists while some are. */
  private turns: Semaphore.Semaphore | undefined
  private inTurns = 0

  /** `onRoom` is called when a page's room is free again. */
  constructor(world: OutboundWorld, sink: Sink, onRoom: () => void) {
    this.world = world
    this.sink = sink
    this.onRoom = onRoom
  }

  send(frame: ServerFrame): void {
    this.say(JSON.stringify(frame))
  }

  say(text: string): void {
    if (this.ended) return
    if (this.pending.length === 0) this.world.flushLater(this)
    this.pending.push(text)
    this.pendingLength += text.length
  }

  flush(): void {
    if (this.pending.length === 0) return
    const frames = this.pending
    this.pending = []
    this.pendingLength = 0
    if (!this.ended) this.sink.write(batchOf(frames))
  }

  write(batch: Batch): void {
    if (this.ended) return
    // What was said earlier in this tick goes first: a page must not be overtaken by what follows it.
    this.flush()
    this.sink.write(batch)
  }

  /** Whether so much more may be queued. If not, the sink has bytes to take, and will say when it has, or a page is on its way. */
  fits(length: number, bound: number = this.world.limits.maxQueuedBytes): boolean {
    if (this.sink.queuedBytes() + this.pendingLength + this.reserved + length <= bound) return true
    // The network may take at once what is written now.
    this.flush()
    return this.sink.queuedBytes() + this.reserved + length <= bound
  }

  /** The bound of a slow reader. `frames` are several, `delta` a piece of an answer, `frame` any other single one. */
  hasRoom(length: number, kind: "frame" | "delta" | "frames"): boolean {
    const { maxQueuedBytes } = this.world.limits
    // Pieces of answers are the first thing a slow reader loses.
    if (this.fits(length, kind === "frame" ? maxQueuedBytes : maxQueuedBytes / 2)) return true
    // One frame alone may exceed the bound: it has to go out somehow.
    return kind !== "frames" && this.sink.queuedBytes() === 0
  }

  /** Keeps room for a page while the task runs that will send it. */
  withPage<A, E>(task: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const { pageBytes } = this.world.limits
    return Effect.suspend(() => {
      this.reserved += pageBytes
      return Effect.ensuring(
        task,
        Effect.sync(() => {
          this.reserved -= pageBytes
          this.onRoom()
        }),
      )
    })
  }

  inTurn<A, E>(task: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      this.turns ??= Semaphore.makeUnsafe(pagesAtATime(this.world.limits))
      this.inTurns += 1
      return Effect.ensuring(
        this.turns.withPermit(Effect.andThen(this.whenWritable(), this.withPage(task))),
        Effect.sync(() => {
          this.inTurns -= 1
          if (this.inTurns === 0) this.turns = undefined
        }),
      )
    })
  }

  drained(): void {
    const ready = this.waiting
    this.waiting = undefined
    if (ready !== undefined) for (const resume of ready) resume(Effect.void)
  }

  /** Nothing is written any more; whoever waits goes on, and finds that out. */
  end(): void {
    this.ended = true
    this.pending = []
    this.drained()
  }

  private whenWritable(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.flush()
      if (this.ended || this.sink.queuedBytes() <= lowWater(this.world.limits)) return Effect.void
      return Effect.flatMap(
        Effect.callback<void>((resume) => {
          this.waiting ??= []
          this.waiting.push(resume)
        }),
        () => this.whenWritable(),
      )
    })
  }
}

/** With less than this queued the next page is read. */
const lowWater = (limits: Limits): number => limits.maxQueuedBytes / 4

const pagesAtATime = (limits: Limits): number =>
  Math.max(1, Math.floor((limits.maxQueuedBytes - lowWater(limits)) / limits.pageBytes))
