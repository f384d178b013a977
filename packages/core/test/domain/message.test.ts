import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type MessageBody, type Part, textOf } from "../../src/domain/item.ts"
import { type MessageEvent, newMessage, systemMessage, transitionMessage } from "../../src/domain/message.ts"

type State = "sent" | "sent with metadata" | "edited" | "deleted"
type EventName = "edited otherwise" | "edited alike" | "edited alike with metadata" | "deleted" | "deleted by another"
/** `-`: unchanged. A number: changed, and how often edited now. */
type Expected = "-" | "refused" | "tombstone" | number

const TABLE: Record<State, Record<EventName, Expected>> = {
  sent: {
    "edited otherwise": 1,
    "edited alike": "-",
    "edited alike with metadata": 1,
    deleted: "tombstone",
    "deleted by another": "tombstone",
  },
  "sent with metadata": {
    "edited otherwise": 1,
    "edited alike": "-",
    "edited alike with metadata": "-",
    deleted: "tombstone",
    "deleted by another": "tombstone",
  },
  edited: {
    "edited otherwise": 4,
    "edited alike": "-",
    "edited alike with metadata": 4,
    deleted: "tombstone",
    "deleted by another": "tombstone",
  },
  deleted: {
    "edited otherwise": "refused",
    "edited alike": "refused",
    "edited alike with metadata": "refused",
    deleted: "-",
    "deleted by another": "-",
  },
}

const text = (words: string): ReadonlyArray<Part> => [{ type: "text", text: words }]

const sent = newMessage({
  id: "msg_1",
  author: { kind: "user", id: "ana" },
  type: "text",
  parts: text("hello"),
  replyTo: "msg_0",
  clientMessageId: "c1",
})

const MESSAGES: Record<State, MessageBody> = {
  sent,
  "sent with metadata": { ...sent, metadata: { mood: "glad" } },
  edited: { ...sent, edits: 3 },
  deleted: { ...sent, parts: [], deleted: { by: "ana" } },
}

const EVENTS: Record<EventName, MessageEvent> = {
  "edited otherwise": { type: "edited", parts: text("hello you") },
  "edited alike": { type: "edited", parts: text("hello") },
  "edited alike with metadata": { type: "edited", parts: text("hello"), metadata: { mood: "glad" } },
  deleted: { type: "deleted", by: "ana" },
  "deleted by another": { type: "deleted", by: "moderator" },
}

const after = (message: MessageBody, event: MessageEvent): MessageBody => {
  const transition = transitionMessage(message, event)
  return transition.type === "changed" ? transition.message : message
}

const aText = fc.constantFrom("", "hello", "hello you", "😀").map(text)
const anEdit = fc.record(
  { type: fc.constant("edited" as const), parts: aText, metadata: fc.dictionary(fc.constantFrom("a", "b"), fc.boolean()) },
  { requiredKeys: ["type", "parts"] },
)
const aDeletion = fc.record({ type: fc.constant("deleted" as const), by: fc.constantFrom("ana", "ben") })
const anEvent: fc.Arbitrary<MessageEvent> = fc.oneof({ weight: 3, arbitrary: anEdit }, { weight: 1, arbitrary: aDeletion })
const aLife = fc.array(anEvent, { maxLength: 10 })

describe("state × event table of a message", () => {
  for (const state of Object.keys(TABLE) as ReadonlyArray<State>)
    for (const name of Object.keys(EVENTS) as ReadonlyArray<EventName>) {
      const expected = TABLE[state][name]
      it(`${state} + ${name} = ${expected === "-" ? "unchanged" : expected}`, () => {
        const event = EVENTS[name]
        const transition = transitionMessage(MESSAGES[state], event)
        if (transition.type !== "changed") expect(transition.type).toBe(expected === "-" ? "unchanged" : expected)
        else if (event.type === "deleted") {
          expect(expected).toBe("tombstone")
          const { metadata: _metadata, ...rest } = MESSAGES[state]
          expect(transition.message).toEqual({ ...rest, parts: [], deleted: { by: event.by } })
        } else {
          const metadata = event.metadata ?? MESSAGES[state].metadata
          expect(transition.message).toEqual({
            ...MESSAGES[state],
            parts: event.parts,
            edits: expected,
            ...(metadata === undefined ? {} : { metadata }),
          })
        }
      })
    }
})

describe("laws of a message", () => {
  it("a tombstone is absorbing and has no content", () => {
    fc.assert(
      fc.property(aLife, aDeletion, aLife, (before, deletion, later) => {
        const tombstone = after(before.reduce(after, sent), deletion)
        expect([textOf(tombstone), tombstone.metadata, tombstone.deleted]).toEqual(["", undefined, expect.anything()])
        expect(later.reduce(after, tombstone)).toBe(tombstone)
      }),
    )
  })

  it("the first deletion names who did it", () => {
    const twice = after(after(sent, { type: "deleted", by: "ben" }), { type: "deleted", by: "ana" })
    expect(twice.deleted).toEqual({ by: "ben" })
  })

  it("the same edit twice is the edit once", () => {
    fc.assert(
      fc.property(aLife, anEdit, (before, edit) => {
        const once = after(before.reduce(after, sent), edit)
        expect(after(once, edit)).toBe(once)
      }),
    )
  })

  it("edits counts exactly the edits that changed something", () => {
    fc.assert(
      fc.property(fc.array(anEdit), (events) => {
        let message: MessageBody = sent
        let changed = 0
        for (const event of events) {
          const next = after(message, event)
          if (next !== message) changed += 1
          message = next
        }
        expect(message.edits ?? 0).toBe(changed)
      }),
    )
  })

  it("id, author, type, reply-to and clientMessageId never change", () => {
    const fixed = ({ id, author, type, replyTo, clientMessageId, kind, v }: MessageBody) => ({
      id,
      author,
      type,
      replyTo,
      clientMessageId,
      kind,
      v,
    })
    fc.assert(
      fc.property(aLife, (events) => {
        expect(fixed(events.reduce(after, sent))).toEqual(fixed(sent))
      }),
    )
  })
})

describe("the words of a message", () => {
  it("are its text parts, joined; parts of other types are skipped", () => {
    const parts: ReadonlyArray<Part> = [
      { type: "text", text: "a" },
      { type: "source", title: "t", uri: "u" },
      { type: "data", text: "x" },
      { type: "text", text: "b" },
    ]
    expect(textOf({ parts })).toBe("ab")
  })

  it("of a system message are none: it carries a kind and ids", () => {
    const notice = systemMessage("msg_2", { kind: "joined", userIds: ["ana"] })
    expect(notice).toEqual({
      kind: "message",
      id: "msg_2",
      v: 1,
      author: { kind: "system" },
      type: "system",
      parts: [],
      notice: { kind: "joined", userIds: ["ana"] },
    })
  })
})
