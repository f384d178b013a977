/** An answer that loses its end is no answer, wherever the end is lost. */
import { afterEach, describe, expect, it } from "vitest"
import { APIS, listen, makeFakes, providerOf, REQUEST } from "./openai-support.ts"

const fakes = makeFakes()
afterEach(fakes.end)

/** Few bytes, so that every one of them can be the last, and characters that can be cut in the middle. */
const SHORT = { deltas: ["日", "👋 b"], usage: "none" } as const
const TEXT = SHORT.deltas.join("")
const AT_ONCE = 16

const markerOf = (api: "chat" | "responses", answer: Buffer): number =>
  answer.indexOf(api === "chat" ? '"finish_reason":"stop"' : "event: response.completed")

describe.each(APIS)("an answer of %s", (api) => {
  it("is finished when its marker came and its server then keeps the connection open and says nothing", async () => {
    const fake = await fakes.start({ reply: SHORT })
    const provider = providerOf(fake, { api })
    await listen(provider)
    const answer = fake.requests[0]?.answer ?? Buffer.of()
    const bytes = answer.indexOf("\n\n", markerOf(api, answer)) + "\n\n".length
    fake.script({ ...SHORT, fault: { type: "truncated", bytes, ending: "stall" } })
    expect(await listen(provider)).toMatchObject({ text: TEXT, finished: { reason: "stop" } })
    expect(await fake.requests[1]?.closed).toBe("aborted")
  })

  it.each(["end", "cut"] as const)(
    "whose bytes %s anywhere is finished once its marker has come, and never before",
    async (ending) => {
      // The request's own id says after which byte: the requests run side by side.
      const fake = await fakes.start({
        reply: ({ headers }) => ({
          ...SHORT,
          fault: { type: "truncated", bytes: Number(headers["x-client-request-id"]), ending },
        }),
      })
      const provider = providerOf(fake, { api })
      const endingAfter = async (bytes: number) => {
        const { text, finished, error } = await listen(provider, { ...REQUEST, requestId: String(bytes) })
        return { bytes, text, finished: finished !== undefined, errorClass: error?.class }
      }
      await listen(provider, { ...REQUEST, requestId: "1000000" })
      const answer = fake.requests[0]?.answer ?? Buffer.of()
      const marker = markerOf(api, answer)
      // After a clean end the blank line that ends an event may be missing: its JSON is whole.
      const whole = answer.indexOf("\n\n", marker) + (ending === "cut" ? "\n\n".length : 0)
      expect(whole).toBeGreaterThan(marker)

      for (let from = 0; from <= answer.length; from += AT_ONCE) {
        const offsets = Array.from({ length: Math.min(AT_ONCE, answer.length + 1 - from) }, (_, i) => from + i)
        for (const { bytes, text, finished, errorClass } of await Promise.all(offsets.map(endingAfter))) {
          expect({ bytes, finished }).toEqual({ bytes, finished: bytes >= whole })
          expect(finished ? text === TEXT : TEXT.startsWith(text)).toBe(true)
          const cut = text === "" ? "transient" : "interrupted"
          // A clean end between two events says nothing by itself: there the missing marker is what tells.
          const allowed = finished ? [undefined] : ending === "cut" ? [cut] : [cut, undefined]
          expect(allowed, `after ${bytes} bytes`).toContain(errorClass)
        }
      }
    },
  )
})
