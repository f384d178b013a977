import { decodeValue, findTextProblem, REQUESTS } from "@parley/core/protocol"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Command, history } from "../src/arbitraries/history.ts"
import { clientMessageId, conversationId, cursor, messageId, tenant, userId } from "../src/arbitraries/ids.ts"
import { metadata, principal, refusedMetadata, sessionContext } from "../src/arbitraries/metadata.ts"
import { anyRequestFrame, refusedRequestFrame, REQUEST_FRAME_TYPES, requestFrame } from "../src/arbitraries/requests.ts"
import { illFormedText, wellFormedText } from "../src/arbitraries/text.ts"

const isClean = (text: string) => text.isWellFormed() && !text.includes("\0")

describe("arbitrary text", () => {
  it("that is well-formed keeps its bounds", () => {
    const bounds = fc.tuple(fc.nat({ max: 5 }), fc.integer({ min: 5, max: 300 }))
    const bounded = bounds.chain(([minLength, maxLength]) =>
      wellFormedText({ minLength, maxLength }).map((text) => ({ minLength, maxLength, text })),
    )
    fc.assert(
      fc.property(bounded, ({ minLength, maxLength, text }) => {
        expect(isClean(text)).toBe(true)
        expect(text.length).toBeGreaterThanOrEqual(minLength)
        expect(text.length).toBeLessThanOrEqual(maxLength)
      }),
    )
  })

  it("reaches the greatest length, and leaves ASCII", () => {
    const texts = fc.sample(wellFormedText(), { numRuns: 500, seed: 1 })
    expect(texts.some((text) => text.length === 5_000)).toBe(true)
    expect(texts.some((text) => /\p{Emoji_Presentation}/u.test(text))).toBe(true)
    expect(texts.some((text) => /\p{Script=Hebrew}|\p{Script=Arabic}/u.test(text))).toBe(true)
    expect(texts.some((text) => /\p{M}/u.test(text))).toBe(true)
  })

  it("that is ill-formed always is", () => {
    fc.assert(
      fc.property(illFormedText(), (text) => {
        expect(isClean(text)).toBe(false)
      }),
    )
  })
})

describe("arbitrary ids, principals and contexts", () => {
  it("are clean text of 1 to 128 code units", () => {
    fc.assert(
      fc.property(fc.oneof(userId(), clientMessageId(), tenant(), conversationId(), messageId(), cursor()), (id) => {
        expect(isClean(id) && id.length >= 1 && id.length <= 128).toBe(true)
      }),
    )
  })

  it("pass the text rule", () => {
    fc.assert(
      fc.property(fc.oneof(principal(), sessionContext()), (value) => {
        expect(findTextProblem(value)).toBeUndefined()
      }),
    )
  })
})

describe("arbitrary metadata", () => {
  it("passes the text rule and comes back from JSON as it was", () => {
    fc.assert(
      fc.property(metadata(), (json) => {
        expect(findTextProblem(json)).toBeUndefined()
        expect(JSON.parse(JSON.stringify(json))).toEqual(json)
        expect(new TextEncoder().encode(JSON.stringify(json)).length).toBeLessThanOrEqual(8_192)
      }),
      { numRuns: 1_000 },
    )
  })

  it("that is to be refused is, for each reason", () => {
    fc.assert(
      fc.property(refusedMetadata(), ({ metadata: json, why }) => {
        expect(findTextProblem(json), why).toBeDefined()
      }),
    )
    const reasons = fc.sample(refusedMetadata(), { numRuns: 200, seed: 1 }).map(({ why }) => why)
    expect(new Set(reasons).size).toBe(6)
  })
})

describe("arbitrary requests", () => {
  it("cover every type the protocol has", () => {
    expect([...REQUEST_FRAME_TYPES].toSorted()).toEqual(Object.keys(REQUESTS).toSorted())
  })

  for (const type of REQUEST_FRAME_TYPES)
    it(`${type} decodes to itself`, () => {
      fc.assert(
        fc.property(requestFrame(type), (frame) => {
          expect(decodeValue(JSON.parse(JSON.stringify(frame)))).toEqual({ ok: true, request: frame })
        }),
        { numRuns: 50 },
      )
    })

  it("take fixed fields", () => {
    fc.assert(
      fc.property(requestFrame("send_message", { conversationId: "room_1", text: "hi" }), (frame) => {
        expect(frame).toMatchObject({ type: "send_message", conversationId: "room_1", text: "hi" })
      }),
    )
  })

  it("that are to be refused are, with the frame's id when it has one", () => {
    fc.assert(
      fc.property(refusedRequestFrame(), ({ frame, why }) => {
        expect(decodeValue(frame), why).toMatchObject({ ok: false })
      }),
      { numRuns: 300 },
    )
  })

  it("of any type are of many types", () => {
    expect(new Set(fc.sample(anyRequestFrame(), { numRuns: 500, seed: 1 }).map(({ type }) => type)).size).toBe(
      REQUEST_FRAME_TYPES.length,
    )
  })
})

describe("arbitrary histories", () => {
  const VERBS: Record<Command["do"], "talk" | "answers" | "faults"> = {
    send: "talk",
    "send again": "talk",
    edit: "talk",
    delete: "talk",
    react: "talk",
    unreact: "talk",
    invite: "talk",
    join: "talk",
    leave: "talk",
    "stop answer": "answers",
    regenerate: "answers",
    "claim answer": "answers",
    "answer text": "answers",
    "end answer": "answers",
    "bus drops": "faults",
    "bus repeats": "faults",
    "bus reorders": "faults",
    "bus loses last": "faults",
    cut: "faults",
    resubscribe: "faults",
    "read history": "faults",
  }
  const verbsOf = (options: Parameters<typeof history>[0]) =>
    new Set(
      fc.sample(history(options), { numRuns: 200, seed: 1 }).flatMap(({ commands }) => commands.map((command) => command.do)),
    )
  const all = Object.keys(VERBS) as ReadonlyArray<Command["do"]>

  it("hold every command, and are long", () => {
    expect(verbsOf({})).toEqual(new Set(all))
    const lengths = fc.sample(history(), { numRuns: 200, seed: 1 }).map(({ commands }) => commands.length)
    expect(Math.max(...lengths)).toBeGreaterThan(30)
  })

  it("leave out answers and faults when told so", () => {
    expect(verbsOf({ answers: false, faults: false })).toEqual(new Set(all.filter((verb) => VERBS[verb] === "talk")))
    expect(verbsOf({ faults: false })).toEqual(new Set(all.filter((verb) => VERBS[verb] !== "faults")))
  })

  it("name only users and readers that there are", () => {
    fc.assert(
      fc.property(history({ users: 2, readers: 1 }), ({ users, readers, commands }) => {
        expect([users, readers]).toEqual([2, 1])
        for (const command of commands) {
          if ("user" in command) expect(command.user).toBeLessThan(2)
          if ("reader" in command) expect(command.reader).toBe(0)
        }
      }),
    )
  })
})
