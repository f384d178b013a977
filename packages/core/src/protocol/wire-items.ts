/**
 * Items as clients see them, as schemas: what the published descriptions are made of, and what tests hold real frames against. The engine
 * itself never runs them: what it sends was typed when it was made.
 */
import * as Schema from "effect/Schema"
import { OPEN_STATES, TERMINAL_STATES } from "../domain/answer.ts"
import { CONVERSATION_TYPES, MEMBER_STATUSES, MESSAGE_TYPES, ROLES } from "../domain/item.ts"
import { Context, described, Metadata } from "./fields.ts"

export const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Time = Count.annotate({ description: "milliseconds since the Unix epoch" })
const Version = Schema.Literal(1).annotate({ description: "of the item's form" })

const stamps = {
  change: described(Count, "the change that made this version"),
  createdAt: Time,
  updatedAt: Time,
}

const TextPart = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })
const SourcePart = Schema.Struct({
  type: Schema.Literal("source"),
  title: Schema.String,
  uri: Schema.String,
  score: Schema.optionalKey(Schema.Finite),
})
const OtherPart = Schema.StructWithRest(Schema.Struct({ type: Schema.Literals(["reasoning", "tool", "data"]) }), [
  Schema.Record(Schema.String, Schema.Json),
])
const Part = Schema.Union([TextPart, SourcePart, OtherPart]).annotate({ identifier: "Part" })

const Author = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("user"), id: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("assistant"), id: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("system") }),
]).annotate({ identifier: "Author" })

const Usage = Schema.Struct({
  inputTokens: Schema.optionalKey(Count),
  outputTokens: Schema.optionalKey(Count),
  estimated: Schema.optionalKey(Schema.Boolean),
}).annotate({ identifier: "Usage" })

const Attempt = Schema.Struct({
  provider: Schema.String,
  model: Schema.optionalKey(Schema.String),
  outcome: Schema.String,
  ms: Schema.Finite,
  usage: Schema.optionalKey(Usage),
}).annotate({ identifier: "Attempt" })

export const AnswerState = Schema.Literals([...OPEN_STATES, ...TERMINAL_STATES]).annotate({ identifier: "AnswerState" })

const Answer = Schema.Struct({
  state: AnswerState,
  turn: described(Schema.String, "id of the message that is answered"),
  variant: described(Count, "the nth answer to it, from 1; show the greatest"),
  revision: described(Count, "names the text; a greater one replaces it whole"),
  replaces: described(Schema.optionalKey(Schema.String), "the answer that this one was regenerated from"),
  deletedBy: described(Schema.optionalKey(Schema.String), "deleted while it was open; its end will be a tombstone"),
  provider: Schema.optionalKey(Schema.String),
  model: Schema.optionalKey(Schema.String),
  finish: described(Schema.optionalKey(Schema.Literals(["stop", "length"])), "`length`: cut at a limit"),
  error: described(
    Schema.optionalKey(Schema.Struct({ code: Schema.String, message: Schema.String })),
    "why it is not complete: a code of errors.md",
  ),
  attempts: Schema.optionalKey(Schema.Array(Attempt)),
  usage: Schema.optionalKey(Usage),
}).annotate({ identifier: "Answer" })

export const Message = Schema.Struct({
  kind: Schema.Literal("message"),
  id: Schema.String,
  v: Version,
  seq: described(Count, "its number in the conversation"),
  author: Author,
  type: Schema.Literals(MESSAGE_TYPES),
  parts: described(Schema.Array(Part), "skip types you do not know; empty while an answer is open"),
  replyTo: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Metadata),
  clientMessageId: described(Schema.optionalKey(Schema.String), "as its author sent it"),
  edits: described(Schema.optionalKey(Count), "how often it was edited; absent for never"),
  deleted: described(
    Schema.optionalKey(Schema.Struct({ by: Schema.String })),
    "a tombstone: it keeps its seq, its parts are empty",
  ),
  notice: described(
    Schema.optionalKey(
      Schema.Struct({ kind: Schema.Literals(["joined", "left", "invited"]), userIds: Schema.Array(Schema.String) }),
    ),
    "of a `system` message: what happened to whom",
  ),
  answer: described(Schema.optionalKey(Answer), "of an assistant's message, and of no other"),
  ...stamps,
}).annotate({ identifier: "Message" })

export const Reactions = Schema.Struct({
  kind: Schema.Literal("reactions"),
  id: Schema.String,
  v: Version,
  messageId: Schema.String,
  counts: described(
    Schema.Array(Schema.Struct({ emoji: Schema.String, count: Count, users: Schema.Array(Schema.String) })),
    "`users` are the first 20; whether you are among the others says `mine`",
  ),
  ...stamps,
}).annotate({ identifier: "Reactions" })

export const Role = Schema.Literals(ROLES)
export const MemberStatus = Schema.Literals(MEMBER_STATUSES)

export const Member = Schema.Struct({
  kind: Schema.Literal("member"),
  id: Schema.String,
  v: Version,
  userId: Schema.String,
  role: Role,
  status: described(MemberStatus, "only `joined` reads and writes"),
  muted: described(Schema.optionalKey(Schema.Boolean), "reads, but may not write"),
  ...stamps,
}).annotate({ identifier: "Member" })

export const Conversation = Schema.Struct({
  kind: Schema.Literal("conversation"),
  id: Schema.String,
  v: Version,
  type: Schema.Literals(CONVERSATION_TYPES),
  status: described(Schema.Literals(["active", "closed", "expired"]), "only an `active` one can be written to"),
  createdBy: Schema.String,
  name: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  context: described(Schema.optionalKey(Context), "of a session"),
  maxMembers: Count,
  ...stamps,
}).annotate({ identifier: "Conversation" })

export const Item = Schema.Union([Message, Reactions, Member, Conversation]).annotate({ identifier: "Item" })

export const Mine = Schema.Record(Schema.String, Schema.Array(Schema.String)).annotate({
  identifier: "Mine",
  description: "by message id, the emojis under which you stand behind the users shown",
})

export const Users = Schema.Array(
  Schema.Struct({
    id: Schema.String,
    name: Schema.optionalKey(Schema.String),
    avatarUrl: Schema.optionalKey(Schema.String),
  }),
).annotate({
  identifier: "Users",
  description: "who the people named on the page are, as the application tells now; absent when it does not",
})
