/** Request frames as plain JSON, as a client writes them: every type, and ways to be refused. */
import type { Json } from "@parley/core"
import * as fc from "fast-check"
import { clientMessageId, conversationId, cursor, messageId, requestId, userId } from "./ids.ts"
import { metadata, sessionContext } from "./metadata.ts"
import { illFormedText, wellFormedText } from "./text.ts"

export interface RequestFrame {
  readonly type: string
  readonly id: string
  readonly [field: string]: unknown
}

const name = wellFormedText({ maxLength: 200 })
const description = wellFormedText({ maxLength: 2_000 })
const change = fc.integer({ min: 1, max: 2_000 })
const page = fc.integer({ min: 1, max: 100 })
const emoji = fc.oneof(fc.constantFrom("👍", "❤️", "👩‍👩‍👧‍👦", "🇩🇪", "__proto__", "constructor"), wellFormedText({ maxLength: 32 }))
const held = fc
  .tuple(messageId(), fc.nat({ max: 9 }), fc.nat({ max: 9_999 }))
  .map(([id, rev, length]) => `${id}@${rev}.${length}`)
const invite = fc.array(userId(), { maxLength: 4 })

type Fields = { readonly [field: string]: fc.Arbitrary<unknown> }

/** Of each type, the fields that must be there and those that may. */
const SHAPES = {
  authenticate: { must: { token: fc.stringMatching(/^[0-9A-Za-z_.-]{10,80}$/u) }, may: {} },
  create_session: { must: {}, may: { name, context: sessionContext() } },
  create_room: { must: { roomType: fc.constantFrom("private", "direct") }, may: { name, description, invite } },
  update_conversation: {
    must: { conversationId: conversationId() },
    may: { name, description, context: sessionContext(), invite },
  },
  close_conversation: { must: { conversationId: conversationId() }, may: {} },
  delete_conversation: { must: { conversationId: conversationId() }, may: {} },
  list_conversations: {
    must: {},
    may: { conversationId: conversationId(), kind: fc.constantFrom("session", "room"), limit: page },
  },
  subscribe: { must: { conversationId: conversationId() }, may: { cursor: cursor(), answers: fc.array(held, { maxLength: 3 }) } },
  unsubscribe: { must: { conversationId: conversationId() }, may: {} },
  get_history: { must: { conversationId: conversationId() }, may: { before: change, limit: page } },
  send_message: {
    must: { conversationId: conversationId(), clientMessageId: clientMessageId(), text: wellFormedText() },
    may: {
      messageType: fc.constantFrom("text", "image", "file", "audio", "video", "poll"),
      replyTo: messageId(),
      metadata: metadata(),
    },
  },
  edit_message: {
    must: { conversationId: conversationId(), messageId: messageId(), base: change, text: wellFormedText() },
    may: { metadata: metadata() },
  },
  delete_message: { must: { conversationId: conversationId(), messageId: messageId() }, may: {} },
  message_reaction: { must: { conversationId: conversationId(), messageId: messageId(), emoji }, may: { remove: fc.boolean() } },
  join_room: { must: { conversationId: conversationId() }, may: {} },
  leave_room: { must: { conversationId: conversationId() }, may: {} },
  stop_answer: { must: { conversationId: conversationId(), messageId: messageId() }, may: {} },
  regenerate_answer: { must: { conversationId: conversationId(), messageId: messageId() }, may: {} },
  ping: { must: {}, may: {} },
} as const satisfies { readonly [type: string]: { readonly must: Fields; readonly may: Fields } }

export type RequestFrameType = keyof typeof SHAPES
export const REQUEST_FRAME_TYPES = Object.keys(SHAPES) as ReadonlyArray<RequestFrameType>

/** A frame the server takes. `fixed` replaces fields: an id that exists, a text that matters. */
export const requestFrame = (
  type: RequestFrameType,
  fixed: { readonly [field: string]: unknown } = {},
): fc.Arbitrary<RequestFrame> => {
  const { must, may }: { readonly must: Fields; readonly may: Fields } = SHAPES[type]
  return fc
    .record({ ...must, ...may }, { requiredKeys: Object.keys(must) })
    .chain((fields) => requestId().map((id) => ({ type, id, ...fields, ...fixed })))
}

export const anyRequestFrame = (): fc.Arbitrary<RequestFrame> =>
  fc.oneof(...REQUEST_FRAME_TYPES.map((type) => requestFrame(type)))

/** Fields the server owns: a client that could set one would speak for another. */
const SERVER_FIELDS = ["author", "authorId", "userId", "tenant", "seq", "change", "createdAt", "role", "status", "answer", "kind"]

const NO_STRING: ReadonlyArray<Json> = [null, 0, true, [], {}, ["a"], { toString: "a" }]

/** A frame that is refused, and why: one flaw in a frame that is otherwise in order. */
export const refusedRequestFrame = (): fc.Arbitrary<{ readonly why: string; readonly frame: Json }> => {
  const frame = anyRequestFrame() as fc.Arbitrary<{ readonly [field: string]: Json }>
  const requiredOf = (type: string) => ["type", "id", ...Object.keys(SHAPES[type as RequestFrameType].must)]
  const stringsOf = (fields: { readonly [field: string]: Json }) =>
    requiredOf(fields["type"] as string).filter((field) => typeof fields[field] === "string")
  const pick = (fields: ReadonlyArray<string>, at: number) => fields[at % fields.length] as string
  return fc.oneof(
    fc
      .tuple(frame, fc.constantFrom(...SERVER_FIELDS))
      .map(([fields, extra]) => ({ why: `field of the server: ${extra}`, frame: { ...fields, [extra]: "mine" } })),
    fc.tuple(frame, fc.nat()).map(([fields, at]) => {
      const gone = pick(requiredOf(fields["type"] as string), at)
      return { why: `without ${gone}`, frame: Object.fromEntries(Object.entries(fields).filter(([field]) => field !== gone)) }
    }),
    fc.tuple(frame, fc.nat(), fc.constantFrom(...NO_STRING)).map(([fields, at, value]) => {
      const field = pick(stringsOf(fields), at)
      return { why: `${field} is no string`, frame: { ...fields, [field]: value } }
    }),
    fc.tuple(frame, fc.nat(), illFormedText()).map(([fields, at, text]) => {
      const field = pick(stringsOf(fields), at)
      return { why: `${field} is ill-formed`, frame: { ...fields, [field]: text } }
    }),
    fc
      .tuple(frame, fc.constantFrom("", "send", "__proto__", "constructor", "toString", "welcome", "reply"))
      .map(([fields, type]) => ({
        why: `no request is called ${JSON.stringify(type)}`,
        frame: { ...fields, type },
      })),
    fc
      .constantFrom<Json>(null, 1, "ping", [], {}, [{ type: "ping", id: "1" }])
      .map((json) => ({ why: "no frame at all", frame: json })),
  )
}
