import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ID_PREFIX, memberIdOf, messageIdOfReactions, reactionsIdOf } from "../../src/domain/ids.ts"

const aMessageId = fc.stringMatching(/^[0-9A-Za-z_-]{1,40}$/u).map((random) => ID_PREFIX.message + random)

describe("ids", () => {
  it("have the prefixes that stored logs already hold", () => {
    expect(ID_PREFIX).toEqual({ session: "ses_", room: "room_", message: "msg_", reactions: "rea_", member: "mem_" })
  })

  it("tell the kind by the prefix: none begins another", () => {
    const prefixes = Object.values(ID_PREFIX)
    for (const one of prefixes) expect(prefixes.filter((other) => other.startsWith(one))).toEqual([one])
  })

  it("of a message and its reactions lead to each other", () => {
    fc.assert(
      fc.property(aMessageId, (id) => {
        expect(reactionsIdOf(id)).toMatch(/^rea_/u)
        expect(messageIdOfReactions(reactionsIdOf(id))).toBe(id)
      }),
    )
  })

  it("of members differ exactly as the users do, whatever the user id holds", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        expect(memberIdOf(one) === memberIdOf(other)).toBe(one === other)
        expect(memberIdOf(one)).toMatch(/^mem_/u)
      }),
    )
  })
})
