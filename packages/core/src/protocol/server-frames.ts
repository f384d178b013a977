/**
 * Every server frame as a schema: the published descriptions are made of them, and tests hold real frames against them. frames.ts has the
 * same as types. Servers send what these say; clients take more than that, for newer servers say more.
 */
import * as Schema from "effect/Schema"
import { CLOSE_CODES, type CloseReason } from "./close-codes.ts"
import { described } from "./fields.ts"
import { LIVE_TYPES, type LiveType, RESYNC_REASONS, type ServerFrame } from "./frames.ts"
import { Count, Item, Mine, Users } from "./wire-items.ts"

const typed = <const Type extends string>(type: Type) => Schema.Literal(type)

const ErrorBody = Schema.Struct({
  code: described(Schema.String, "of errors.md"),
  message: Schema.String,
  details: described(
    Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
    "`path` is a JSON pointer to the field at fault",
  ),
  retryAfter: described(Schema.optionalKey(Schema.Finite), "seconds; present when the same request may succeed later"),
  correlationId: described(Schema.String, "stands in the server's log too"),
}).annotate({ identifier: "ErrorBody" })

const WelcomeLimits = Schema.StructWithRest(
  Schema.Struct({
    maxMessageLength: described(Count, "of `text`, UTF-16 code units"),
    maxAnswerLength: described(Count, "of an answer's text, UTF-16 code units"),
    maxFrameBytes: described(Count, "of one inbound frame or HTTP body, bytes"),
    maxHistoryPage: described(Count, "messages of one history page"),
    maxSubscriptions: described(Count, "conversations followed over one connection"),
    maxInFlight: described(Count, "requests without a reply yet; above it the server reads no further"),
    windowMessages: described(Count, "messages of a window"),
    maxEmojis: described(Count, "different emojis on one message"),
    maxMetadataBytes: described(Count, "of `metadata` and `context` as JSON"),
    heartbeatInterval: described(Count, "between two pings of the server, milliseconds"),
    idleTimeout: described(Count, "a connection without subscription or request is closed after it, milliseconds"),
  }),
  [Schema.Record(Schema.String, Schema.Finite)],
).annotate({ identifier: "WelcomeLimits" })

const live = <const Type extends LiveType>(type: Type) =>
  Schema.Struct({ type: typed(type), conversationId: Schema.String, change: Count, item: Item })

const answerText = <const Type extends string>(type: Type) =>
  Schema.Struct({
    type: typed(type),
    conversationId: Schema.String,
    messageId: Schema.String,
    revision: Count,
    part: described(Count, "always 0 so far"),
    offset: described(Count, "where the text begins, UTF-16 code units"),
    text: Schema.String,
  })

export const SERVER_FRAMES = {
  welcome: Schema.Struct({
    type: typed("welcome"),
    protocol: Count,
    features: described(Schema.Array(Schema.String), "the request types that this server takes"),
    limits: WelcomeLimits,
    userId: described(Schema.String, "who you are"),
  }),
  reply: Schema.StructWithRest(Schema.Struct({ type: typed("reply"), id: Schema.String }), [
    Schema.Record(Schema.String, Schema.Unknown),
  ]),
  error: Schema.Struct({
    type: typed("error"),
    id: described(Schema.optionalKey(Schema.String), "absent when the request had no usable one"),
    error: ErrorBody,
  }),
  changes: Schema.Struct({
    type: typed("changes"),
    conversationId: Schema.String,
    epoch: Schema.String,
    after: described(Count, "0 in a window"),
    upTo: described(Count, "the change you stand at once it is applied; in a window only once `more` is false"),
    items: Schema.Array(Item),
    firstSeq: described(Count, "the oldest message kept"),
    more: described(Schema.Boolean, "another page follows"),
    window: described(Schema.optionalKey(Schema.Struct({ from: Count })), "a page of a window that begins at this seq"),
    mine: Schema.optionalKey(Mine),
    users: Schema.optionalKey(Users),
  }),
  resync: Schema.Struct({ type: typed("resync"), conversationId: Schema.String, reason: Schema.Literals(RESYNC_REASONS) }),
  ...(Object.fromEntries(LIVE_TYPES.map((type) => [type, live(type)])) as { [T in LiveType]: ReturnType<typeof live<T>> }),
  answer_delta: answerText("answer_delta"),
  answer_snapshot: answerText("answer_snapshot"),
  unsubscribed: Schema.Struct({
    type: typed("unsubscribed"),
    conversationId: Schema.String,
    code: described(Schema.Literals(["conversation_not_found", "internal"]), "`internal`: subscribe again"),
  }),
  drain: Schema.Struct({ type: typed("drain"), retryAfterMs: Count }),
  closed: Schema.Struct({
    type: typed("closed"),
    code: Schema.Int,
    reason: Schema.Literals(Object.keys(CLOSE_CODES) as ReadonlyArray<CloseReason>).annotate({ identifier: "CloseReason" }),
  }),
  pong: Schema.Struct({ type: typed("pong"), id: Schema.String }),
} as const satisfies Record<ServerFrame["type"], Schema.Top>
