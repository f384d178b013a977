import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type AnswerEvent,
  type AnswerMessage,
  type AnswerState,
  type Ending,
  isAnswer,
  isOpen,
  isOpenAnswer,
  isTerminal,
  newAnswer,
  OPEN_STATES,
  TERMINAL_STATES,
  transitionAnswer,
} from "../../src/domain/answer.ts"
import { textOf } from "../../src/domain/item.ts"
import { newMessage } from "../../src/domain/message.ts"

/** The states, with the two that deletion while open adds to what a reader sees. */
type Situation = AnswerState | "stopping to delete" | "tombstone"
type EventName =
  | "claimed anew"
  | "claimed again"
  | "stopped"
  | "stopped to delete"
  | "ended complete"
  | "ended failed"
  | "ended interrupted"
  | "ended blocked"
  | "ended stopped"
/** The situation that follows, or `-`: unchanged. */
type Expected = Situation | "-"

const NOTHING = {
  "claimed anew": "-",
  "claimed again": "-",
  stopped: "-",
  "stopped to delete": "-",
  "ended complete": "-",
  "ended failed": "-",
  "ended interrupted": "-",
  "ended blocked": "-",
  "ended stopped": "-",
} as const

const TABLE: Record<Situation, Record<EventName, Expected>> = {
  pending: {
    "claimed anew": "streaming",
    "claimed again": "-",
    stopped: "stopping",
    "stopped to delete": "stopping to delete",
    "ended complete": "complete",
    "ended failed": "failed",
    "ended interrupted": "interrupted",
    "ended blocked": "blocked",
    "ended stopped": "stopped",
  },
  streaming: {
    "claimed anew": "streaming",
    "claimed again": "-",
    stopped: "stopping",
    "stopped to delete": "stopping to delete",
    "ended complete": "complete",
    "ended failed": "failed",
    "ended interrupted": "interrupted",
    "ended blocked": "blocked",
    "ended stopped": "stopped",
  },
  stopping: {
    "claimed anew": "-",
    "claimed again": "-",
    stopped: "-",
    "stopped to delete": "stopping to delete",
    "ended complete": "stopped",
    "ended failed": "stopped",
    "ended interrupted": "stopped",
    "ended blocked": "stopped",
    "ended stopped": "stopped",
  },
  "stopping to delete": {
    "claimed anew": "-",
    "claimed again": "-",
    stopped: "-",
    "stopped to delete": "-",
    "ended complete": "tombstone",
    "ended failed": "tombstone",
    "ended interrupted": "tombstone",
    "ended blocked": "tombstone",
    "ended stopped": "tombstone",
  },
  complete: NOTHING,
  failed: NOTHING,
  interrupted: NOTHING,
  blocked: NOTHING,
  stopped: NOTHING,
  tombstone: NOTHING,
}

const REVISION = 4
const ending = (state: Ending["state"]): AnswerEvent => ({
  type: "ended",
  state,
  parts: [{ type: "text", text: "the end" }],
  revision: REVISION,
})

const EVENTS: Record<EventName, AnswerEvent> = {
  "claimed anew": { type: "claimed", revision: REVISION + 1 },
  "claimed again": { type: "claimed", revision: REVISION },
  stopped: { type: "stopped" },
  "stopped to delete": { type: "stopped", deletedBy: "usr_2" },
  "ended complete": ending("complete"),
  "ended failed": ending("failed"),
  "ended interrupted": ending("interrupted"),
  "ended blocked": ending("blocked"),
  "ended stopped": ending("stopped"),
}

const born = newAnswer({ id: "msg_a", assistant: "ai", turn: "msg_q", variant: 1 })

const inSituation = (situation: Situation): AnswerMessage => {
  const state = situation === "tombstone" ? "stopped" : situation === "stopping to delete" ? "stopping" : situation
  const deleting = situation === "tombstone" || situation === "stopping to delete" ? { deletedBy: "usr_1" } : {}
  return {
    ...born,
    parts: isTerminal(state) && situation !== "tombstone" ? [{ type: "text", text: "as it ended" }] : [],
    answer: { ...born.answer, state, revision: REVISION, ...deleting },
    ...(situation === "tombstone" ? { deleted: { by: "usr_1" } } : {}),
  }
}

const situationOf = (message: AnswerMessage): Situation => {
  if (message.deleted !== undefined) return "tombstone"
  return message.answer.state === "stopping" && message.answer.deletedBy !== undefined
    ? "stopping to delete"
    : message.answer.state
}

const after = (message: AnswerMessage, event: AnswerEvent): AnswerMessage => {
  const transition = transitionAnswer(message, event)
  return transition.type === "changed" ? transition.message : message
}

/** Every message that the events lead through, the first included. */
const run = (message: AnswerMessage, events: ReadonlyArray<AnswerEvent>): ReadonlyArray<AnswerMessage> => {
  const seen = [message]
  for (const event of events) seen.push(after(seen.at(-1)!, event))
  return seen
}

const aParts = fc.array(fc.record({ type: fc.constant("text" as const), text: fc.string() }), { maxLength: 2 })
const aClaim = fc.record({ type: fc.constant("claimed" as const), revision: fc.integer({ min: 0, max: 6 }) })
const aStop = fc.record(
  { type: fc.constant("stopped" as const), deletedBy: fc.constantFrom("usr_1", "usr_2") },
  { requiredKeys: ["type"] },
)
const anEnding = fc.record(
  {
    type: fc.constant("ended" as const),
    state: fc.constantFrom(...TERMINAL_STATES),
    parts: aParts,
    revision: fc.integer({ min: 0, max: 6 }),
    provider: fc.constant("openai"),
    finish: fc.constantFrom("stop" as const, "length" as const),
    error: fc.constant({ code: "ai_unavailable", message: "no provider answered" }),
  },
  { requiredKeys: ["type", "state", "parts", "revision"] },
)
const anEvent: fc.Arbitrary<AnswerEvent> = fc.oneof(aClaim, aStop, anEnding)
const aLife = fc.array(anEvent, { maxLength: 12 })

describe("state × event table of an answer", () => {
  for (const situation of Object.keys(TABLE) as ReadonlyArray<Situation>)
    for (const name of Object.keys(EVENTS) as ReadonlyArray<EventName>) {
      const expected = TABLE[situation][name]
      it(`${situation} + ${name} ${expected === "-" ? "changes nothing" : `= ${expected}`}`, () => {
        const transition = transitionAnswer(inSituation(situation), EVENTS[name])
        expect(transition.type === "changed" ? situationOf(transition.message) : "-").toBe(expected)
      })
    }
})

describe("invariants of an answer", () => {
  it("A1 one terminal state, which never changes, and with it the text", () => {
    fc.assert(
      fc.property(aLife, (events) => {
        const seen = run(born, events)
        const first = seen.findIndex((message) => isTerminal(message.answer.state))
        if (first >= 0) for (const later of seen.slice(first)) expect(later).toBe(seen[first])
      }),
    )
  })

  it("A2 from stopping every ending is stopped", () => {
    fc.assert(
      fc.property(aStop, anEnding, fc.array(fc.oneof(aClaim, aStop)), (stop, end, between) => {
        expect(run(born, [stop, ...between, end]).at(-1)?.answer.state).toBe("stopped")
      }),
    )
  })

  it("A3 the revision never decreases, and a claim that counts starts a greater one", () => {
    fc.assert(
      fc.property(aLife, (events) => {
        let message = born
        for (const event of events) {
          const next = after(message, event)
          expect(next.answer.revision).toBeGreaterThanOrEqual(message.answer.revision)
          if (event.type === "claimed" && next !== message) expect(next.answer.revision).toBeGreaterThan(message.answer.revision)
          message = next
        }
      }),
    )
  })

  it("A4 an open answer has no text; its terminal item carries all of it", () => {
    fc.assert(
      fc.property(aLife, (events) => {
        let message = born
        for (const event of events) {
          const wasOpen = isOpen(message.answer.state)
          message = after(message, event)
          if (isOpen(message.answer.state)) expect(message.parts).toEqual([])
          else if (wasOpen && event.type === "ended" && message.deleted === undefined) expect(message.parts).toEqual(event.parts)
        }
      }),
    )
  })

  it("A5 an answer deleted while open ends as a tombstone in state stopped, by who deleted it first", () => {
    fc.assert(
      fc.property(aLife, anEnding, (events, end) => {
        const seen = run(born, events)
        fc.pre(!seen.some((message) => isTerminal(message.answer.state)))
        const by = events.find((event) => event.type === "stopped" && event.deletedBy !== undefined)
        const last = after(seen.at(-1)!, end)
        expect(last.deleted).toEqual(by === undefined ? undefined : { by: (by as { deletedBy: string }).deletedBy })
        if (by !== undefined) expect({ state: last.answer.state, text: textOf(last) }).toEqual({ state: "stopped", text: "" })
      }),
    )
  })
})

describe("laws of an answer", () => {
  it("stopping twice is stopping once", () => {
    fc.assert(
      fc.property(aLife, aStop, (events, stop) => {
        const once = after(run(born, events).at(-1)!, stop)
        expect(transitionAnswer(once, stop)).toEqual({ type: "unchanged" })
      }),
    )
  })

  it("every event twice is the event once", () => {
    fc.assert(
      fc.property(aLife, anEvent, (events, event) => {
        const once = after(run(born, events).at(-1)!, event)
        expect(after(once, event)).toBe(once)
      }),
    )
  })

  it("a recorded life with events repeated, lost and out of order has at most one terminal state and no text after it", () => {
    const recorded = fc
      .tuple(fc.constantFrom(...TERMINAL_STATES), fc.boolean(), aParts)
      .map(([state, stopped, parts]): ReadonlyArray<AnswerEvent> => [
        { type: "claimed", revision: 1 },
        { type: "claimed", revision: 2 },
        ...(stopped ? [{ type: "stopped" } as const] : []),
        { type: "ended", state, parts, revision: 2 },
      ])
    const faulty = recorded.chain((events) => fc.array(fc.constantFrom(...events), { maxLength: 3 * events.length }))
    fc.assert(
      fc.property(faulty, (events) => {
        const terminal = run(born, events).filter((message) => isTerminal(message.answer.state))
        expect(new Set(terminal.map((message) => `${message.answer.state} ${textOf(message)}`)).size).toBeLessThanOrEqual(1)
      }),
    )
  })

  it("no event changes who answers what: id, author, turn, variant", () => {
    fc.assert(
      fc.property(aLife, (events) => {
        const last = run(born, events).at(-1)!
        expect({ ...last, parts: [], answer: undefined, deleted: undefined }).toEqual({ ...born, answer: undefined })
        expect([last.answer.turn, last.answer.variant]).toEqual([born.answer.turn, born.answer.variant])
      }),
    )
  })
})

describe("an answer's ending", () => {
  const report = {
    provider: "openai",
    model: "small",
    finish: "length",
    error: { code: "ai_unavailable", message: "gone" },
    attempts: [{ provider: "openai", outcome: "transient", ms: 12 }],
    usage: { inputTokens: 3 },
  } as const
  const end: AnswerEvent = { type: "ended", state: "failed", parts: [{ type: "text", text: "half" }], revision: 9, ...report }

  it("records what the owner reports", () => {
    expect(after(inSituation("streaming"), end).answer).toEqual({
      state: "failed",
      turn: "msg_q",
      variant: 1,
      revision: 9,
      ...report,
    })
  })

  it("carries no error after a stop: what went wrong then is nobody's news", () => {
    const stopped = after(inSituation("stopping"), end)
    expect(stopped.answer).not.toHaveProperty("error")
    expect(stopped.answer.provider).toBe("openai")
    expect(textOf(stopped)).toBe("half")
  })

  it("carries no fields the owner did not report", () => {
    expect(Object.keys(after(inSituation("streaming"), ending("complete")).answer).toSorted()).toEqual([
      "revision",
      "state",
      "turn",
      "variant",
    ])
  })
})

describe("a new answer", () => {
  it("waits, empty, in reply to its turn", () => {
    expect(newAnswer({ id: "msg_b", assistant: "ai", turn: "msg_q", variant: 2, replaces: "msg_a" })).toEqual({
      kind: "message",
      id: "msg_b",
      v: 1,
      author: { kind: "assistant", id: "ai" },
      type: "ai_response",
      parts: [],
      replyTo: "msg_q",
      answer: { state: "pending", turn: "msg_q", variant: 2, revision: 0, replaces: "msg_a" },
    })
    expect(born.answer).not.toHaveProperty("replaces")
  })

  it("is told from a person's message", () => {
    const question = newMessage({ id: "msg_q", author: { kind: "user", id: "usr_1" }, type: "text", parts: [] })
    expect([isAnswer(born), isAnswer(question)]).toEqual([true, false])
    expect([isOpenAnswer(born), isOpenAnswer(question), isOpenAnswer(inSituation("complete"))]).toEqual([true, false, false])
  })

  it("knows each state as either open or terminal", () => {
    expect([...OPEN_STATES].every(isOpen)).toBe(true)
    expect([...TERMINAL_STATES].every(isTerminal)).toBe(true)
    expect([...OPEN_STATES].some(isTerminal)).toBe(false)
    expect([...TERMINAL_STATES].some(isOpen)).toBe(false)
  })
})
