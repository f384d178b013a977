/** JSON that hosts attach to messages and sessions: what the rule lets through, however strange, and what it refuses. */
import type { Json, Principal, SessionContext } from "@parley/core"
import * as fc from "fast-check"
import { tenant, userId } from "./ids.ts"
import { illFormedText, wellFormedText } from "./text.ts"

export interface Metadata {
  readonly [key: string]: Json
}

/** Allowed, and each a trap for code that looks keys up in plain objects, builds paths or writes SQL. */
const NASTY_KEYS: ReadonlyArray<string> = [
  "",
  " ",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "__defineGetter__",
  "toJSON",
  "then",
  "length",
  "0",
  "-1",
  "1e3",
  "a.b",
  "a/b~c",
  "$where",
  "a'b\"c",
  "key\nkey",
  "ключ",
  "👩‍👩‍👧‍👦",
  "k".repeat(128),
]

/** Refused everywhere: they reach an object's prototype. */
const RESERVED_KEYS: ReadonlyArray<string> = ["__proto__", "constructor", "prototype"]

const isReserved = (key: string): boolean => RESERVED_KEYS.includes(key)

const key: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 3, arbitrary: fc.stringMatching(/^[a-z]{1,8}$/u) },
    { weight: 2, arbitrary: fc.constantFrom(...NASTY_KEYS) },
    { weight: 1, arbitrary: wellFormedText({ maxLength: 20 }) },
  )
  .filter((name) => !isReserved(name))

/** JSON has no -0, so it would come back as another value. */
const number = fc
  .oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(5e-324, 1.7976931348623157e308, 2 ** 53),
  )
  .map((n) => (n === 0 ? 0 : n))

const scalar: fc.Arbitrary<Json> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  number,
  wellFormedText({ minLength: 0, maxLength: 60 }),
)

/** Own properties whatever the key is called. */
const objectOf = (entries: ReadonlyArray<readonly [string, Json]>): Metadata => Object.fromEntries(entries)

const jsonUpTo = (depth: number): fc.Arbitrary<Json> =>
  depth === 0
    ? scalar
    : fc.oneof(
        { weight: 3, arbitrary: scalar },
        { weight: 1, arbitrary: fc.array(jsonUpTo(depth - 1), { maxLength: 3 }) },
        { weight: 1, arbitrary: fc.array(fc.tuple(key, jsonUpTo(depth - 1)), { maxLength: 3 }).map(objectOf) },
      )

const bytesOf = (json: Json): number => new TextEncoder().encode(JSON.stringify(json)).length

/** Within every bound of the rule, and within 8 KiB. */
export const metadata = (): fc.Arbitrary<Metadata> =>
  fc
    .array(fc.tuple(key, jsonUpTo(2)), { maxLength: 5 })
    .map(objectOf)
    .filter((json) => bytesOf(json) <= 8_192)

const nested = (depth: number): Json => (depth === 0 ? 1 : { a: nested(depth - 1) })

/** What the rule refuses, each for the reason it names. Built by parsing, as the wire does, so that `__proto__` is an own key. */
export const refusedMetadata = (): fc.Arbitrary<{ readonly why: string; readonly metadata: Metadata }> =>
  fc.oneof(
    fc.tuple(fc.constantFrom(...RESERVED_KEYS), fc.boolean()).map(([name, deep]) => {
      const text = `{${JSON.stringify(name)}:{"admin":true}}`
      return { why: "reserved key", metadata: JSON.parse(deep ? `{"a":[${text}]}` : text) as Metadata }
    }),
    illFormedText().map((text) => ({ why: "ill-formed value", metadata: { a: [text] } })),
    illFormedText().map((text) => ({ why: "ill-formed key", metadata: { [text]: 1 } })),
    fc.integer({ min: 17, max: 40 }).map((depth) => ({ why: "too deep", metadata: { a: nested(depth) } })),
    fc.integer({ min: 65, max: 100 }).map((n) => ({
      why: "too many keys",
      metadata: objectOf(Array.from({ length: n }, (_, i) => [`k${i}`, i])),
    })),
    fc.integer({ min: 129, max: 200 }).map((n) => ({ why: "key too long", metadata: { ["k".repeat(n)]: 1 } })),
  )

const words = wellFormedText({ maxLength: 60 })

export const sessionContext = (): fc.Arbitrary<SessionContext> =>
  fc.record(
    {
      clientName: words,
      meetingType: fc.oneof(fc.constantFrom("kick-off", "workshop", "review"), words),
      projectContext: wellFormedText({ maxLength: 2_000 }),
      serviceTypes: fc.array(words, { maxLength: 3 }),
      cloudProviders: fc.array(fc.constantFrom("aws", "azure", "gcp"), { maxLength: 3 }),
      customFields: metadata(),
    },
    { requiredKeys: [] },
  )

export const principal = (): fc.Arbitrary<Principal> =>
  fc.record(
    {
      tenant: tenant(),
      userId: userId(),
      roles: fc.array(fc.constantFrom("user", "admin", "owner", "service"), { maxLength: 3 }),
      tokenId: words,
      expiresAt: fc.integer({ min: 0, max: 4_102_444_800_000 }),
    },
    { requiredKeys: ["tenant", "userId", "roles"] },
  )
