/**
 * A subscription inside this process: the frames a remote client would get, as an async iterable. A consumer that is slow is waited for
 * like a slow socket: the next page is read when the last one was taken.
 */
import type { Gateway } from "../gateway/gateway.ts"
import type { Sink } from "../gateway/sink.ts"
import type { Principal } from "../domain/principal.ts"
import type { CloseReason } from "../protocol/close-codes.ts"
import { chatError } from "../protocol/errors.ts"
import type { ServerFrame } from "../protocol/frames.ts"
import { formatHeldAnswer, type HeldAnswer } from "../protocol/held-answers.ts"
import { ParleyError } from "./parley-error.ts"

export interface SubscribeOptions {
  /** `<epoch>.<change>` of the last frame seen; without it the stream begins with a window of the newest messages. */
  readonly cursor?: string
  /** Open answers whose text is already held. */
  readonly answers?: ReadonlyArray<HeldAnswer>
}

/** Frames that concern the conversation; replies and the like stay inside. */
export type ConversationFrame = Extract<ServerFrame, { readonly conversationId: string }>

/** Ends when the iteration is left, when access is lost (after an `unsubscribed` frame), or with an error when the chat closes. */
export const subscribeFrames = (
  gateway: Gateway,
  principal: Principal,
  conversationId: string,
  options: SubscribeOptions,
): AsyncIterableIterator<ConversationFrame> => {
  const queue: Array<string> = []
  let queued = 0
  let flushed = 0
  let over: { readonly error: ParleyError | undefined } | undefined
  /** Calls of `next` that wait, in their order. */
  let waiting: Array<() => void> = []
  const wake = (): void => {
    const woken = waiting
    waiting = []
    for (const resolve of woken) resolve()
  }

  const sink: Sink = {
    write: (batch) => {
      for (const frame of batch.frames) queue.push(frame)
      queued += batch.length
      wake()
    },
    queuedBytes: () => queued,
    // Always moving: somebody who thinks before taking the next frame is no dead socket.
    flushedBytes: () => (flushed += 1),
    ping: () => connection?.alive(),
    close: (reason: CloseReason) =>
      finish(
        new ParleyError(chatError(reason === "token_expired" ? "token_expired" : reason === "drain" ? "draining" : "internal")),
      ),
    pause: () => {},
    resume: () => {},
  }
  const finish = (error: ParleyError | undefined): void => {
    over ??= { error }
    wake()
  }
  const connection = gateway.connect(sink, principal)
  if (connection === undefined) finish(new ParleyError(chatError(gateway.draining() ? "draining" : "overloaded")))
  connection?.receive(
    JSON.stringify({
      type: "subscribe",
      id: "subscribe",
      conversationId,
      ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
      ...(options.answers === undefined ? {} : { answers: options.answers.map(formatHeldAnswer) }),
    }),
  )

  const take = (): ConversationFrame | undefined => {
    while (queue.length > 0) {
      const text = queue.shift() as string
      queued -= text.length
      if (queued === 0) connection?.drained()
      const frame = JSON.parse(text) as ServerFrame
      if (frame.type === "error") {
        const { code, details, retryAfter } = frame.error
        finish(new ParleyError(chatError(code, details, retryAfter)))
        continue
      }
      if (frame.type === "reply" || !("conversationId" in frame)) continue
      if (frame.type === "unsubscribed") finish(undefined)
      return frame
    }
    return undefined
  }
  const leave = (): void => {
    finish(undefined)
    queue.length = 0
    queued = 0
    connection?.closed()
  }

  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      for (;;) {
        const frame = take()
        if (frame !== undefined) return { done: false, value: frame }
        if (over !== undefined) {
          const { error } = over
          over = { error: undefined }
          leave()
          if (error !== undefined) throw error
          return { done: true, value: undefined }
        }
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
    async return() {
      leave()
      return { done: true, value: undefined }
    },
  }
}
