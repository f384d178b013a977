/** Ids as the engine forms them, and those that hosts and clients choose. */
import * as fc from "fast-check"
import { wellFormedText } from "./text.ts"

/** 22 characters of 64 carry 132 random bits. */
const random = fc.stringMatching(/^[0-9A-Za-z_-]{22}$/u)

export const sessionId = (): fc.Arbitrary<string> => random.map((bits) => `ses_${bits}`)
export const roomId = (): fc.Arbitrary<string> => random.map((bits) => `room_${bits}`)
export const conversationId = (): fc.Arbitrary<string> => fc.oneof(sessionId(), roomId())
export const messageId = (): fc.Arbitrary<string> => random.map((bits) => `msg_${bits}`)

/** The host chooses them: any text of 1 to 128 code units, with a liking for those that collide with something. */
export const userId = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.uuid() },
    { weight: 2, arbitrary: wellFormedText({ maxLength: 128 }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom("ana", "Ana", "ana ", "a:b", "a/b", "*", "{a}", "__proto__", "mem_ana", "default", "0"),
    },
  )

export const tenant = (): fc.Arbitrary<string> =>
  fc.oneof(fc.constant("default"), fc.stringMatching(/^[0-9a-z][0-9a-z-]{0,30}$/u), fc.constantFrom("a", "a:b", "A", "ä"))

export const clientMessageId = (): fc.Arbitrary<string> =>
  fc.oneof(fc.uuid(), wellFormedText({ maxLength: 128 }), fc.constantFrom("1", "__proto__", "constructor"))

export const requestId = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.integer({ min: 1, max: 999 }).map((n) => `r${n}`),
    wellFormedText({ maxLength: 64 }),
  )

export const cursor = (): fc.Arbitrary<string> =>
  fc
    .tuple(fc.stringMatching(/^[0-9A-Za-z]{1,32}$/u), fc.oneof(fc.nat({ max: 2_000 }), fc.maxSafeNat()))
    .map(([epoch, change]) => `${epoch}.${change}`)
