/** docs/protocol.md says what frames look like: its examples have to be some. */
import { readFileSync } from "node:fs"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { decodeValue } from "../../src/protocol/decode.ts"
import { REPLIES } from "../../src/protocol/replies.ts"
import { REQUESTS } from "../../src/protocol/requests.ts"
import { SERVER_FRAMES } from "../../src/protocol/server-frames.ts"

type Frame = Readonly<Record<string, unknown>>

const page = readFileSync(new URL("../../../../docs/protocol.md", import.meta.url), "utf8")
const blocks = [...page.matchAll(/^```json\n(.*?)^```/gmsu)].map(([, block = ""]) => block.trim().split("\n"))
/** Shortened ones aside. */
const examples = blocks.map((lines) => lines.filter((line) => !line.includes("…")).map((line) => JSON.parse(line) as Frame))

const isRequest = ({ type }: Frame): boolean => Object.hasOwn(REQUESTS, String(type))

const fits = (schema: Schema.Top | undefined, value: unknown): boolean =>
  schema !== undefined && Schema.is(schema as Schema.Codec<unknown>)(value)

describe("the page of the protocol", () => {
  it("shows requests that are taken, but for the one whose refusal it shows", () => {
    const refused = examples.flat().filter((frame) => isRequest(frame) && !decodeValue(frame).ok)
    expect(refused.map((frame) => [frame["type"], frame["author"]])).toEqual([["send_message", "ben"]])
    expect(examples.flat().filter(isRequest).length).toBeGreaterThan(5)
  })

  it("shows frames as they are sent", () => {
    const frames = examples.flat().filter((frame) => !isRequest(frame))
    expect(frames.filter((frame) => !fits(SERVER_FRAMES[frame["type"] as keyof typeof SERVER_FRAMES], frame))).toEqual([])
    expect(frames.length).toBeGreaterThan(8)
  })

  it("shows each reply as its request gets it", () => {
    for (const block of examples)
      for (const [i, request] of block.entries()) {
        const reply = block[i + 1]
        if (!isRequest(request) || reply?.["type"] !== "reply") continue
        expect(reply["id"]).toBe(request["id"])
        expect([request, fits(REPLIES[request["type"] as keyof typeof REPLIES], reply)]).toEqual([request, true])
      }
  })
})
