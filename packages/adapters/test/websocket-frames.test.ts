import type { Writable } from "node:stream"
import * as ws from "ws"
import { expect, it } from "vitest"
import type { Batch } from "@parley/core"
import { encodeBatch } from "../src/websocket/frames.ts"

// Exported by `ws`, but not described in its types.
const { Receiver } = ws as unknown as {
  readonly Receiver: new (options: { readonly isServer: boolean; readonly maxPayload: number }) => Writable
}

/** The reader of the library that clients use. */
const read = (bytes: Buffer): ReadonlyArray<string> => {
  const texts: Array<string> = []
  const receiver = new Receiver({ isServer: false, maxPayload: 0 })
  receiver.on("message", (data: Buffer, isBinary: boolean) => {
    expect(isBinary).toBe(false)
    texts.push(String(data))
  })
  receiver.write(bytes)
  return texts
}

const batchOf = (frames: ReadonlyArray<string>): Batch => ({ frames, length: frames.join("").length, encodings: {} })

// Each length needs another form of header.
const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]

it.each(lengths)("frames a text of %i bytes so that a client reads it back", (length) => {
  const text = "x".repeat(length)
  expect(read(encodeBatch(batchOf([text])))).toEqual([text])
})

it.each([42, 63, 21_845, 21_846])("counts the bytes of %i letters that take three each", (count) => {
  const text = "€".repeat(count)
  expect(read(encodeBatch(batchOf([text])))).toEqual([text])
})

it("keeps frames apart and in order", () => {
  const frames = [...lengths.map((length) => "y".repeat(length)), "🙂", '{"type":"pong"}']
  expect(read(encodeBatch(batchOf(frames)))).toEqual(frames)
})

it("frames a batch once, however many sockets it goes to", () => {
  const batch = batchOf(["a", "b"])
  expect(encodeBatch(batch)).toBe(encodeBatch(batch))
})
