import fc from "fast-check"
import { beforeEach, describe, expect, it } from "vitest"
import { newAnswer, type TerminalState } from "../../src/domain/answer.ts"
import type { Message } from "../../src/domain/item.ts"
import type { AnswerDelta } from "../../src/ports/event-bus.ts"
import { type AnswerBook, makeAnswerBook } from "../../src/gateway/answer-book.ts"

const A = "msg_a"

const item = (revision: number, state: "pending" | "streaming" | TerminalState = "streaming"): Message => {
  const body = newAnswer({ id: A, assistant: "assistant", turn: "msg_t", variant: 1 })
  return { ...body, answer: { ...body.answer, state, revision }, seq: 2, change: 5, createdAt: 1, updatedAt: 1 }
}
const delta = (offset: number, text: string, revision = 1): AnswerDelta => ({ answer: A, revision, part: 0, offset, text })
const stored = (revision: number, text: string) => [{ answer: A, checkpoint: { revision, text }, stopping: false }]

describe("an answer book", () => {
  let book: AnswerBook
  beforeEach(() => {
    book = makeAnswerBook()
    book.applyItem(item(1))
  })
  const text = () => book.open().get(A)?.text

  it("extends the text by what is next, and tells just that", () => {
    expect(book.applyDelta(delta(0, "ab"))).toEqual([delta(0, "ab")])
    expect(book.applyDelta(delta(1, "bcd"))).toEqual([delta(2, "cd")])
    expect(book.applyDelta(delta(0, "ab"))).toEqual([])
    expect(text()).toBe("abcd")
  })

  it("holds what lies ahead until a checkpoint reaches it", () => {
    expect(book.applyDelta(delta(4, "ef"))).toEqual([])
    expect(book.applyDelta(delta(2, "cd"))).toEqual([])
    expect(book.hasGap()).toBe(true)
    expect(book.applyCheckpoints(stored(1, "a"))).toEqual([delta(0, "a")])
    expect(book.hasGap()).toBe(true)
    expect(book.applyCheckpoints(stored(1, "ab"))).toEqual([delta(1, "b"), delta(2, "cd"), delta(4, "ef")])
    expect(book.hasGap()).toBe(false)
  })

  it("fills a gap from a late delta as well", () => {
    book.applyDelta(delta(2, "cd"))
    expect(book.applyDelta(delta(0, "ab"))).toEqual([delta(0, "ab"), delta(2, "cd")])
  })

  it("learns from an empty piece that it is short of something", () => {
    book.applyDelta(delta(0, "ab"))
    book.applyDelta(delta(2, ""))
    expect(book.hasGap()).toBe(false)
    book.applyDelta(delta(4, ""))
    expect(book.hasGap()).toBe(true)
    expect(book.applyCheckpoints(stored(1, "abcd"))).toEqual([delta(2, "cd")])
    expect(book.hasGap()).toBe(false)
  })

  it("begins anew with a greater revision, from a delta, a checkpoint or an item, and takes nothing of a lesser one", () => {
    book.applyDelta(delta(0, "old"))
    expect(book.applyDelta(delta(0, "new", 2))).toEqual([delta(0, "new", 2)])
    expect(book.applyDelta(delta(3, " old", 1))).toEqual([])
    expect(book.applyCheckpoints(stored(1, "old old old"))).toEqual([])
    expect(text()).toBe("new")
    expect(book.applyCheckpoints(stored(3, "newer"))).toEqual([delta(0, "newer", 3)])
    book.applyItem(item(4))
    expect(book.open().get(A)).toMatchObject({ revision: 4, text: "" })
    book.applyItem(item(2))
    expect(book.open().get(A)?.revision).toBe(4)
  })

  it("knows no text of an answer that has ended, whatever comes late", () => {
    book.applyDelta(delta(0, "ab"))
    book.applyItem(item(1, "complete"))
    expect(book.applyDelta(delta(2, "cd"))).toEqual([])
    expect(book.applyCheckpoints(stored(1, "abcd"))).toEqual([])
    expect(book.open().size).toBe(0)
  })

  it("keeps a bounded number of pieces that wait, and loses none of their text", () => {
    const whole = "x".repeat(2_000)
    for (let at = 1; at < whole.length; at++) book.applyDelta(delta(at, "x"))
    const told = book.applyCheckpoints(stored(1, "x"))
    expect(told.length).toBeLessThanOrEqual(257)
    book.applyCheckpoints(stored(1, whole))
    expect(text()).toBe(whole)
    expect(book.hasGap()).toBe(false)
  })

  it("tells each reader of everything a text that only grows by what lies end to end, over any order, loss and overlap", () => {
    const events = fc.array(
      fc.oneof(
        fc.record({ from: fc.nat({ max: 40 }), length: fc.nat({ max: 10 }), stored: fc.constant(false) }),
        fc.record({ from: fc.constant(0), length: fc.nat({ max: 40 }), stored: fc.constant(true) }),
      ),
    )
    const whole = Array.from({ length: 50 }, (_, i) => String.fromCharCode(97 + (i % 26))).join("")
    fc.assert(
      fc.property(events, (steps) => {
        const own = makeAnswerBook()
        own.applyItem(item(1))
        let shown = ""
        for (const { from, length, stored: isStored } of steps) {
          const told = isStored
            ? own.applyCheckpoints(stored(1, whole.slice(0, length)))
            : own.applyDelta(delta(from, whole.slice(from, from + length)))
          for (const piece of told) {
            expect(piece.offset).toBe(shown.length)
            shown += piece.text
          }
        }
        expect(own.open().get(A)?.text).toBe(shown)
        expect(whole.startsWith(shown)).toBe(true)
        own.applyCheckpoints(stored(1, whole))
        expect(own.open().get(A)?.text).toBe(whole)
        expect(own.hasGap()).toBe(false)
      }),
      { numRuns: 300 },
    )
  })
})
