/** G9: at most one generation of a turn and variant. */
import * as Exit from "effect/Exit"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Changed } from "../../src/engine/write.ts"
import { ann, codeOf, makeAsking } from "../support/asking.ts"

describe("regenerating an answer", () => {
  it("makes one answer of any number of requests for it, on any nodes, at any time", () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat({ max: 20 }), { minLength: 2, maxLength: 6 }), (seed, delays) => {
        const asking = makeAsking({ seed, latency: 4 })
        const { sim, logs } = asking.cluster
        const nodes = [asking.start(), asking.start()]
        const asked = asking.ask(nodes[0]!)
        sim.advance(100)
        asking.callOf(asked.answer).finish()
        sim.advance(100)
        const client = sim.process()
        const fibers: Array<ReturnType<typeof client.fork<Changed, unknown>>> = []
        delays.forEach((delay, i) =>
          client.later(delay, () => {
            const node = nodes[i % 2]!
            fibers.push(
              node.process.fork(
                node.engine.regenerateAnswer(ann, { conversationId: asked.conversationId, messageId: asked.answer }),
              ),
            )
          }),
        )
        sim.advance(200)
        const replies = fibers.map((fiber) => sim.run(fiber.pollUnsafe()!))
        expect(new Set(replies.map(({ itemId }) => itemId)).size).toBe(1)
        expect(new Set(replies.map(({ change, seq }) => `${change} ${seq}`)).size).toBe(1)
        const answer = asking.answer(replies[0]!.itemId)
        expect(answer).toMatchObject({ turn: asked.turn, variant: 2, replaces: asked.answer })
        expect(asking.calls.filter(({ request }) => request.requestId !== asked.answer)).toHaveLength(1)
        expect(logs.get(asked.conversationId)?.violations).toEqual([])
      }),
      { numRuns: 150 },
    )
  })

  it("in a chain gives the variants 1 to n, each in place of the one before", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const node = asking.start()
    const asked = asking.ask(node)
    const chain = [asked.answer]
    for (let i = 0; i < 5; i++) {
      asking.callOf(chain.at(-1)!).text(`variant ${i + 1}`)
      asking.callOf(chain.at(-1)!).finish()
      sim.advance(100)
      const { itemId } = sim.run(
        node.engine.regenerateAnswer(ann, { conversationId: asked.conversationId, messageId: chain.at(-1)! }),
        node.process,
      )
      sim.advance(100)
      chain.push(itemId)
    }
    expect(chain.map((id) => asking.answer(id).variant)).toEqual([1, 2, 3, 4, 5, 6])
    expect(chain.map((id) => asking.answer(id).replaces)).toEqual([undefined, ...chain.slice(0, -1)])
    expect(asking.answer(chain[0]!)).toMatchObject({ state: "complete", text: "variant 1" })
  })

  it("gives the first request's answer again when an early variant is named late", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const node = asking.start()
    const asked = asking.ask(node)
    asking.callOf(asked.answer).finish()
    sim.advance(100)
    const again = () =>
      sim.run(node.engine.regenerateAnswer(ann, { conversationId: asked.conversationId, messageId: asked.answer }), node.process)
    const first = again()
    sim.advance(100)
    asking.callOf(first.itemId).finish()
    sim.advance(100)
    expect(again()).toEqual(first)
  })

  it("waits for the end, or for a stop: an answer in the making is not replaced", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const node = asking.start({ silent: true })
    const asked = asking.ask(node)
    const named = { conversationId: asked.conversationId, messageId: asked.answer }
    expect(codeOf(sim.exit(node.engine.regenerateAnswer(ann, named), node.process))).toBe("answer_open")
    sim.run(node.engine.stopAnswer(ann, named), node.process)
    expect(asking.state(asked.answer)).toBe("stopping")
    expect(Exit.isSuccess(sim.exit(node.engine.regenerateAnswer(ann, named), node.process))).toBe(true)
  })

  it("asks with the newest variant that ended with words, and with no other", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const node = asking.start()
    const asked = asking.ask(node, "first question")
    asking.callOf(asked.answer).text("poor answer")
    asking.callOf(asked.answer).finish()
    sim.advance(100)
    const second = sim.run(
      node.engine.regenerateAnswer(ann, { conversationId: asked.conversationId, messageId: asked.answer }),
      node.process,
    )
    sim.advance(100)
    expect(asking.callOf(second.itemId).request.messages).toEqual([{ role: "user", text: "first question" }])
    asking.callOf(second.itemId).text("better answer")
    asking.callOf(second.itemId).finish()
    sim.advance(100)
    const next = asking.ask(node, "second question")
    expect(asking.callOf(next.answer).request.messages).toEqual([
      { role: "user", text: "first question" },
      { role: "assistant", text: "better answer" },
      { role: "user", text: "second question" },
    ])
  })
})
