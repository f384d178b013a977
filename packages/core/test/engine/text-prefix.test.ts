/** G10: two owners' texts never meet in one revision. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ann, makeAsking } from "../support/asking.ts"
import { openWire } from "../support/wire.ts"

describe("what a reader sees of one revision", () => {
  it("is always a prefix of what its owner wrote, over any faults of the bus and any crash", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(
          fc.oneof(
            {
              weight: 5,
              arbitrary: fc.record({
                do: fc.constant("say" as const),
                text: fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
              }),
            },
            {
              weight: 2,
              arbitrary: fc.record({
                do: fc.constantFrom("drop" as const, "repeat" as const, "reorder" as const, "lag" as const),
                count: fc.nat({ max: 3 }),
              }),
            },
            { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "reconnect" as const) }) },
          ),
          { minLength: 5, maxLength: 30 },
        ),
        (seed, events) => {
          const asking = makeAsking({ seed, latency: 2, timing: { lease: 1_000, takeoverPoll: 200 } })
          const { sim, bus } = asking.cluster
          let owner = asking.start()
          const reading = asking.start({ silent: true })
          const asked = asking.ask(owner)
          sim.advance(100)
          /** By revision. */
          const written = new Map<number, string>()
          const wire = openWire(sim, reading, { principal: ann })
          wire?.send({ type: "subscribe", conversationId: asked.conversationId })
          sim.advance(50)
          for (const event of events) {
            if (event.do === "say") {
              const { revision, state } = asking.answer(asked.answer)
              const call = asking.calls.at(-1)
              if (state !== "streaming" || call === undefined || call.released()) continue
              written.set(revision, (written.get(revision) ?? "") + event.text)
              call.text(event.text)
            } else if (event.do === "drop") bus.drop(event.count)
            else if (event.do === "repeat") bus.repeat(event.count)
            else if (event.do === "reorder") bus.reorder(event.count)
            else if (event.do === "lag") bus.loseLast(event.count)
            else if (event.do === "crash") {
              owner.kill()
              owner = asking.start()
              sim.advance(2_000)
            } else wire?.send({ type: "subscribe", conversationId: asked.conversationId })
            sim.advance(sim.int(60))
          }
          bus.heal()
          sim.advance(2_000)
          const shown = new Map<number, string>()
          for (const frame of wire?.frames ?? []) {
            if (frame.type !== "answer_delta" && frame.type !== "answer_snapshot") continue
            const before = shown.get(frame.revision) ?? ""
            expect(frame.offset).toBeLessThanOrEqual(before.length)
            shown.set(frame.revision, before.slice(0, frame.offset) + frame.text + before.slice(frame.offset + frame.text.length))
            expect(written.get(frame.revision) ?? "").toSatisfy((text: string) => text.startsWith(shown.get(frame.revision)!))
          }
          const { revision, state } = asking.answer(asked.answer)
          if (state === "streaming") expect(shown.get(revision) ?? "").toBe(written.get(revision) ?? "")
        },
      ),
      { numRuns: 150 },
    )
  })
})
