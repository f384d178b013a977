/** G7, G8: one terminal state, and a stop that is acknowledged wins. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Exit from "effect/Exit"
import { ann, type Asked, makeAsking } from "../support/asking.ts"
import { openWire } from "../support/wire.ts"

const stop = ({ conversationId, answer }: Asked) => ({ conversationId, messageId: answer })

describe("stopping an answer", () => {
  it("settles every race with its completion in the log: who comes first there wins, and the reply says who", () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 12 }), fc.nat({ max: 12 }), (seed, finishAfter, stopAfter) => {
        const asking = makeAsking({ seed, latency: 4 })
        const { sim } = asking.cluster
        const [owner, other] = [asking.start(), asking.start({ silent: true })]
        const asked = asking.ask(owner)
        sim.advance(100)
        const call = asking.callOf(asked.answer)
        call.text("half ")
        const process = sim.process()
        process.later(finishAfter, () => {
          call.text("whole")
          call.finish()
        })
        sim.advance(stopAfter)
        const { state } = sim.run(other.engine.stopAnswer(ann, stop(asked)), other.process)
        sim.advance(2_000)
        const end = asking.answer(asked.answer)
        seen.add(end.state)
        if (state === "stopping") expect(end.state).toBe("stopped")
        else expect([state, end.state, end.text]).toEqual(["complete", "complete", "half whole"])
        expect("half whole".startsWith(end.text)).toBe(true)
        expect(asking.cluster.logs.get(asked.conversationId)?.violations).toEqual([])
      }),
      { numRuns: 300 },
    )
    expect([...seen].sort()).toEqual(["complete", "stopped"])
  })

  it("keeps the text that was shown", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const node = asking.start()
    const asked = asking.ask(node)
    asking.callOf(asked.answer).text("so far")
    sim.advance(100)
    sim.run(node.engine.stopAnswer(ann, stop(asked)), node.process)
    sim.advance(100)
    expect(asking.answer(asked.answer)).toMatchObject({ state: "stopped", text: "so far", revision: 1 })
    expect(asking.answer(asked.answer).error).toBeUndefined()
  })

  it("ends the emission and lets go of the provider within a second, on another node and without the bus", () => {
    const asking = makeAsking()
    const { sim, bus } = asking.cluster
    const [owner, other] = [asking.start(), asking.start({ silent: true })]
    const asked = asking.ask(owner)
    const call = asking.callOf(asked.answer)
    const wire = openWire(sim, owner, { principal: ann })
    wire?.send({ type: "subscribe", conversationId: asked.conversationId })
    sim.advance(50)
    bus.drop(1)
    sim.run(other.engine.stopAnswer(ann, stop(asked)), other.process)
    for (let i = 0; i < 20; i++) {
      call.text("word ")
      sim.advance(50)
    }
    expect(call.released()).toBe(true)
    const shown = wire?.frames.filter(({ type }) => type === "answer_delta").length
    for (let i = 0; i < 20; i++) {
      call.text("late ")
      sim.advance(50)
    }
    expect(wire?.frames.filter(({ type }) => type === "answer_delta").length).toBe(shown)
    expect(asking.state(asked.answer)).toBe("stopped")
  })

  it("ends an answer that nobody has begun, without a word", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const idle = asking.start({ silent: true })
    const asked = asking.ask(idle)
    expect(asking.state(asked.answer)).toBe("pending")
    expect(sim.run(idle.engine.stopAnswer(ann, stop(asked)), idle.process).state).toBe("stopping")
    expect(asking.state(asked.answer)).toBe("stopping")
    asking.start()
    sim.advance(2_000)
    expect(asking.answer(asked.answer)).toMatchObject({ state: "stopped", text: "" })
    expect(asking.calls).toHaveLength(0)
  })

  it("repeats as itself, and of a terminal answer replies with its state and changes nothing", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const node = asking.start()
    const asked = asking.ask(node)
    const first = sim.run(node.engine.stopAnswer(ann, stop(asked)), node.process)
    const second = sim.run(node.engine.stopAnswer(ann, stop(asked)), node.process)
    expect([first.state, second.state]).toEqual(["stopping", "stopped"])
    const ended = asking.answer(asked.answer).message
    asking.callOf(asked.answer).text("late")
    asking.callOf(asked.answer).finish()
    sim.run(node.engine.stopAnswer(ann, stop(asked)), node.process)
    sim.advance(30_000)
    expect(asking.item(asked.answer)).toEqual(ended)
  })

  it("is not undone by what goes wrong after it, nor blamed for it", () => {
    const asking = makeAsking()
    const { sim, bus } = asking.cluster
    const node = asking.start()
    const asked = asking.ask(node)
    asking.callOf(asked.answer).text("so far")
    sim.advance(100)
    bus.drop(1)
    sim.run(node.engine.stopAnswer(ann, stop(asked)), node.process)
    asking.callOf(asked.answer).fail("transient")
    sim.advance(1_000)
    const end = asking.answer(asked.answer)
    expect(end).toMatchObject({ state: "stopped", text: "so far" })
    expect(end.error).toBeUndefined()
  })

  it("by deletion leaves a tombstone, whatever the provider still says and the bus does not", () => {
    const asking = makeAsking({ latency: 2 })
    const { sim, bus } = asking.cluster
    const node = asking.start()
    const asked = asking.ask(node)
    const call = asking.callOf(asked.answer)
    call.text("regrettable")
    sim.advance(60)
    bus.drop(1)
    sim.run(node.engine.deleteMessage(ann, stop(asked)), node.process)
    sim.advance(1_000)
    expect(call.released()).toBe(true)
    call.finish()
    sim.advance(1_000)
    const { message, state } = asking.answer(asked.answer)
    expect(state).toBe("stopped")
    expect(message.parts).toEqual([])
    expect(message.deleted).toEqual({ by: "ann" })
  })

  it("survives a disconnect of everybody: only a stop stops", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const node = asking.start()
    const asked = asking.ask(node)
    const wire = openWire(sim, node, { principal: ann })
    wire?.send({ type: "subscribe", conversationId: asked.conversationId })
    sim.advance(50)
    wire?.cut()
    asking.callOf(asked.answer).text("all the same")
    asking.callOf(asked.answer).finish()
    sim.advance(100)
    expect(asking.answer(asked.answer)).toMatchObject({ state: "complete", text: "all the same" })
  })

  it("is not for what is no answer", () => {
    const asking = makeAsking()
    const node = asking.start()
    const { conversationId, turn } = asking.ask(node)
    const exit = asking.cluster.sim.exit(node.engine.stopAnswer(ann, { conversationId, messageId: turn }), node.process)
    expect(Exit.isFailure(exit)).toBe(true)
  })
})
