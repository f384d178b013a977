import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { ReactionsBody } from "../../src/domain/item.ts"
import { noReactions, type ReactionEvent, transitionReactions } from "../../src/domain/reactions.ts"

const MAX_EMOJIS = 3

/** How the emoji of the event stands before it, seen by the user of the event. */
type State = "nobody" | "nobody, emojis full" | "others" | "others, emojis full" | "me" | "me and others"
type EventType = ReactionEvent["type"]
/** `-`: unchanged. A list: who stands under the emoji now, in order. */
type Expected = "-" | "refused" | ReadonlyArray<string>

const TABLE: Record<State, Record<EventType, Expected>> = {
  nobody: { added: ["me"], removed: "-" },
  "nobody, emojis full": { added: "refused", removed: "-" },
  others: { added: ["ana", "ben", "me"], removed: "-" },
  "others, emojis full": { added: ["ana", "ben", "me"], removed: "-" },
  me: { added: "-", removed: [] },
  "me and others": { added: "-", removed: ["ana", "ben"] },
}

const USERS: Record<State, ReactionsBody["users"]> = {
  nobody: {},
  "nobody, emojis full": { a: ["ana"], b: ["ana"], c: ["me"] },
  others: { "👍": ["ana", "ben"] },
  "others, emojis full": { a: ["ana"], b: ["ana"], "👍": ["ana", "ben"] },
  me: { "👍": ["me"] },
  "me and others": { "👍": ["ana", "me", "ben"] },
}

const reactionsWith = (users: ReactionsBody["users"]): ReactionsBody => ({ ...noReactions("msg_1"), users })

const after = (reactions: ReactionsBody, event: ReactionEvent): ReactionsBody => {
  const transition = transitionReactions(reactions, event, MAX_EMOJIS)
  return transition.type === "changed" ? transition.reactions : reactions
}

/** Emojis are user text: some of them are names that plain objects already have. */
const anEmoji = fc.constantFrom("👍", "❤️", "__proto__", "constructor", "toString", "1", "0")
const aUser = fc.constantFrom("ana", "ben", "me", "__proto__")
const anEvent: fc.Arbitrary<ReactionEvent> = fc.record({
  type: fc.constantFrom("added", "removed"),
  emoji: anEmoji,
  userId: aUser,
})
const aLife = fc.array(anEvent, { maxLength: 20 })
const reached = aLife.map((events) => events.reduce(after, noReactions("msg_1")))

const countsOf = (reactions: ReactionsBody) =>
  new Map(Object.entries(reactions.users).map(([emoji, users]) => [emoji, users.length]))

describe("state × event table of reactions", () => {
  for (const state of Object.keys(TABLE) as ReadonlyArray<State>)
    for (const type of ["added", "removed"] as const) {
      const expected = TABLE[state][type]
      it(`${state} + ${type} = ${expected === "-" ? "unchanged" : typeof expected === "string" ? expected : `[${expected.join(", ")}]`}`, () => {
        const before = reactionsWith(USERS[state])
        const transition = transitionReactions(before, { type, emoji: "👍", userId: "me" }, MAX_EMOJIS)
        if (typeof expected === "string") {
          expect(transition).toEqual({ type: expected === "-" ? "unchanged" : expected })
          return
        }
        const { "👍": _before, ...others } = USERS[state]
        expect(transition).toEqual({
          type: "changed",
          reactions: { ...before, users: { ...others, ...(expected.length === 0 ? {} : { "👍": expected }) } },
        })
      })
    }
})

describe("laws of reactions", () => {
  it("adding and removing again restores every count", () => {
    fc.assert(
      fc.property(reached, anEmoji, aUser, (reactions, emoji, userId) => {
        const added = transitionReactions(reactions, { type: "added", emoji, userId }, MAX_EMOJIS)
        fc.pre(added.type === "changed")
        const back = after(added.reactions, { type: "removed", emoji, userId })
        expect(countsOf(back)).toEqual(countsOf(reactions))
      }),
    )
  })

  it("every event twice is the event once", () => {
    fc.assert(
      fc.property(reached, anEvent, (reactions, event) => {
        const once = after(reactions, event)
        expect(after(once, event)).toBe(once)
      }),
    )
  })

  it("a user stands at most once under an emoji, and no emoji stands without users", () => {
    fc.assert(
      fc.property(reached, (reactions) => {
        for (const users of Object.values(reactions.users)) {
          expect(users.length).toBeGreaterThan(0)
          expect(new Set(users).size).toBe(users.length)
        }
      }),
    )
  })

  it("agrees with a set of (emoji, user) pairs while the emojis have room", () => {
    fc.assert(
      fc.property(aLife, (events) => {
        const pairs = new Set<string>()
        let reactions = noReactions("msg_1")
        for (const event of events) {
          const transition = transitionReactions(reactions, event, Number.POSITIVE_INFINITY)
          if (transition.type === "changed") reactions = transition.reactions
          const pair = JSON.stringify([event.emoji, event.userId])
          if (event.type === "added") pairs.add(pair)
          else pairs.delete(pair)
        }
        const held = Object.entries(reactions.users).flatMap(([emoji, users]) =>
          users.map((user) => JSON.stringify([emoji, user])),
        )
        expect(new Set(held)).toEqual(pairs)
      }),
    )
  })

  it("never holds more different emojis than the bound, and removing is never refused", () => {
    fc.assert(
      fc.property(reached, anEmoji, aUser, (reactions, emoji, userId) => {
        expect(Object.keys(reactions.users).length).toBeLessThanOrEqual(MAX_EMOJIS)
        expect(transitionReactions(reactions, { type: "removed", emoji, userId }, 0).type).not.toBe("refused")
      }),
    )
  })

  it("the item outlives its last reaction, empty", () => {
    expect(after(reactionsWith({ "👍": ["me"] }), { type: "removed", emoji: "👍", userId: "me" })).toEqual(noReactions("msg_1"))
  })
})
