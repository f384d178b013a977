/** G9: an answer outlives its owner, and has one at a time. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ann, makeAsking } from "../support/asking.ts"
import { makeMarks } from "../support/marks.ts"
import { makeReader } from "../support/reader.ts"

const LEASE = 10_000

describe("when the owner of an answer dies", () => {
  it("another takes over under a greater revision once the lease has run out, and not before", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const owner = asking.start()
    const asked = asking.ask(owner)
    asking.callOf(asked.answer).text("half of")
    sim.advance(1_000)
    owner.kill()
    const heir = asking.start()
    sim.advance(LEASE - 1_500)
    expect(asking.calls).toHaveLength(1)
    sim.advance(3_000)
    expect(asking.calls).toHaveLength(2)
    expect(asking.answer(asked.answer)).toMatchObject({ state: "streaming", revision: 2 })
    asking.callOf(asked.answer).text("something else")
    asking.callOf(asked.answer).finish()
    sim.advance(1_000)
    expect(asking.answer(asked.answer)).toMatchObject({ state: "complete", revision: 2, text: "something else" })
    expect(heir.runner?.running()).toBe(0)
  })

  it("twice, the answer ends as interrupted with the text so far under a revision of its own", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    for (const text of ["first", "second"]) {
      const owner = asking.start()
      const { answer } = asking.calls.length === 0 ? asking.ask(owner) : { answer: "" }
      sim.advance(answer === "" ? LEASE + 3_000 : 100)
      asking.calls.at(-1)?.text(text)
      sim.advance(1_000)
      owner.kill()
    }
    const answer = asking.calls[0]!.request.requestId
    asking.start()
    sim.advance(LEASE + 3_000)
    expect(asking.calls).toHaveLength(2)
    expect(asking.answer(answer)).toMatchObject({
      state: "interrupted",
      text: "second",
      revision: 3,
      error: { code: "answer_interrupted" },
    })
  })

  it("twice, and the second had not said a word, nothing of the first one's text comes back", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const first = asking.start()
    const asked = asking.ask(first)
    asking.callOf(asked.answer).text("first")
    sim.advance(1_000)
    first.kill()
    const second = asking.start()
    sim.advance(LEASE + 3_000)
    second.kill()
    asking.start()
    sim.advance(LEASE + 3_000)
    expect(asking.answer(asked.answer)).toMatchObject({ state: "interrupted", text: "", revision: 3 })
  })

  it("while it was being stopped, the reaper ends it as stopped with the text so far", () => {
    const asking = makeAsking()
    const { sim } = asking.cluster
    const [owner, other] = [asking.start(), asking.start({ silent: true })]
    const asked = asking.ask(owner)
    asking.callOf(asked.answer).text("so far")
    sim.advance(1_000)
    owner.kill()
    const named = { conversationId: asked.conversationId, messageId: asked.answer }
    expect(sim.run(other.engine.stopAnswer(ann, named), other.process).state).toBe("stopping")
    asking.start()
    sim.advance(LEASE + 3_000)
    expect(asking.answer(asked.answer)).toMatchObject({ state: "stopped", text: "so far" })
    expect(asking.calls).toHaveLength(1)
  })

  it("in order, it passes the answer on at once, with its text", () => {
    const asking = makeAsking({ timing: { drain: 20 } })
    const { sim, store } = asking.cluster
    const owner = asking.start()
    const asked = asking.ask(owner)
    asking.callOf(asked.answer).text("not yet renewed")
    const heir = asking.start()
    owner.stop()
    const [open] = sim.run(store.leases.open("t", asked.conversationId))
    expect(open?.checkpoint).toEqual({ revision: 1, text: "not yet renewed" })
    sim.advance(1_500)
    expect(asking.calls).toHaveLength(2)
    expect(heir.runner?.running()).toBe(1)
    expect(asking.answer(asked.answer)).toMatchObject({ state: "streaming", revision: 2 })
  })

  it("lets what is nearly done end while it drains, and takes nothing new", () => {
    const asking = makeAsking({ timing: { drain: 2_000 } })
    const { sim } = asking.cluster
    const owner = asking.start()
    const asked = asking.ask(owner)
    const call = asking.callOf(asked.answer)
    const done = owner.process.fork(owner.drain)
    const late = asking.ask(owner)
    call.text("done")
    call.finish()
    sim.advance(1_000)
    expect(asking.state(asked.answer)).toBe("complete")
    expect(asking.state(late.answer)).toBe("pending")
    sim.join(done)
    asking.start()
    sim.advance(2_000)
    expect(asking.state(late.answer)).toBe("streaming")
  })
})

describe("an owner that was only asleep", () => {
  it("writes nothing any more, and shows nothing under the new revision", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 400 }), fc.boolean(), (seed, asleepAfter, ends) => {
        const asking = makeAsking({ seed, latency: 3 })
        const { sim, logs } = asking.cluster
        const sleeper = asking.start()
        const asked = asking.ask(sleeper)
        sim.advance(100)
        const old = asking.callOf(asked.answer)
        old.text("old words, ")
        if (ends) old.finish()
        sim.advance(asleepAfter % 60)
        sleeper.process.pause()
        const heir = asking.start()
        const reader = makeReader(sim, asked.conversationId, ann, makeMarks())
        reader.connect(heir, "at once")
        sim.advance(LEASE + 3_000)
        const fresh = asking.calls.length > 1 ? asking.calls.at(-1)! : undefined
        fresh?.text("new words, ")
        sim.advance(200)
        const before = asking.answer(asked.answer)
        sleeper.process.resume()
        old.text("and more of the old")
        sim.advance(3_000)
        if (fresh === undefined) {
          // It had written its end before it fell asleep.
          expect(before.state).toBe("complete")
          expect(asking.answer(asked.answer)).toEqual(before)
        } else {
          expect(asking.answer(asked.answer)).toEqual(before)
          expect(old.released()).toBe(true)
          expect(reader.model.texts.get(asked.answer)).toEqual({ revision: 2, text: "new words, " })
          fresh.finish()
          sim.advance(500)
          expect(asking.answer(asked.answer)).toMatchObject({ state: "complete", revision: 2, text: "new words, " })
        }
        expect(reader.model.violations).toEqual([])
        expect(logs.get(asked.conversationId)?.violations).toEqual([])
      }),
      { numRuns: 100 },
    )
  })
})

describe("an owner that fell asleep in the middle of its beginning", () => {
  it("begins nothing when another has begun", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 25 }), (seed, after) => {
        const asking = makeAsking({ seed, latency: 4, timing: { lease: 2_000 } })
        const { sim, logs } = asking.cluster
        const [sleeper, other] = [asking.start(), asking.start({ silent: true })]
        sim.settle()
        const sleeping = sim.process()
        sleeping.later(after, () => sleeper.process.pause())
        const asked = asking.ask(other)
        asking.start()
        sim.advance(5_000)
        const before = asking.answer(asked.answer)
        expect(before.state).toBe("streaming")
        sleeper.process.resume()
        sim.advance(3_000)
        expect(asking.answer(asked.answer)).toEqual(before)
        expect(logs.get(asked.conversationId)?.violations).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})
