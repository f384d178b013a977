/** Server frames as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
import { Buffer } from "node:buffer"
import type { Batch } from "@parley/core"

const ENCODING = "sse"

/** One event a frame. JSON has no line breaks of its own. */
const eventsOf = (frames: ReadonlyArray<string>): string => `data: ${frames.join("\n\ndata: ")}\n\n`

/** Made once, however many streams it is written to. Nobody may change these bytes. */
export const encodeBatch = (batch: Batch): Buffer => (batch.encodings[ENCODING] ??= Buffer.from(eventsOf(batch.frames))) as Buffer

export const encodeFrame = (frame: object): Buffer => Buffer.from(eventsOf([JSON.stringify(frame)]))

/** Without data: the browser remembers it for its `Last-Event-ID` and tells the page nothing. */
export const encodeId = (id: string): Buffer => Buffer.from(`id: ${id}\n\n`)

/** How long the browser waits before it connects again, milliseconds. */
export const encodeRetry = (ms: number): Buffer => Buffer.from(`retry: ${ms}\n\n`)

/** A comment: proxies and the kernel see bytes, the page nothing. */
export const HEARTBEAT = Buffer.from(":\n\n")
