/**
 * Every request a client may send: a frame with a `type` and an `id`, answered by exactly one `reply` or `error` with that id.
 * Unknown fields are refused: a field the server owns (author, seq, tenant, …) cannot be set by sending it.
 */
import * as Schema from "effect/Schema"
import * as F from "./fields.ts"

const request = <const Type extends string, Fields extends Schema.Struct.Fields>(type: Type, fields: Fields) =>
  Schema.Struct({ type: Schema.tag(type), id: F.RequestId, ...fields })

const { described } = F
const inConversation = { conversationId: F.ConversationId }
const Invited = Schema.optionalKey(Schema.Array(F.UserId).check(Schema.isMaxLength(50)))
const ofMessage = { conversationId: F.ConversationId, messageId: F.MessageId }

export const REQUESTS = {
  authenticate: request("authenticate", { token: F.Token }),
  create_session: request("create_session", { name: Schema.optionalKey(F.Name), context: Schema.optionalKey(F.Context) }),
  create_room: request("create_room", {
    roomType: Schema.Literals(["private", "direct"]),
    name: Schema.optionalKey(F.Name),
    description: Schema.optionalKey(F.Description),
    invite: described(Invited, "of a direct room exactly one, who is in it at once; the others `join_room`"),
  }),
  update_conversation: request("update_conversation", {
    ...inConversation,
    name: Schema.optionalKey(F.Name),
    description: Schema.optionalKey(F.Description),
    context: described(Schema.optionalKey(F.Context), "of a session; replaces the one before"),
    invite: described(Invited, "into a room"),
  }),
  close_conversation: request("close_conversation", inConversation),
  delete_conversation: request("delete_conversation", inConversation),
  list_conversations: request("list_conversations", {
    conversationId: described(Schema.optionalKey(F.ConversationId), "only this one"),
    kind: Schema.optionalKey(Schema.Literals(["session", "room"])),
    limit: Schema.optionalKey(F.PageSize),
    after: described(Schema.optionalKey(F.ListPosition), "`next` of the page before"),
  }),
  subscribe: request("subscribe", {
    ...inConversation,
    cursor: described(Schema.optionalKey(F.CursorText), "without it a window comes"),
    answers: described(
      Schema.optionalKey(Schema.Array(F.HeldAnswer).check(Schema.isMaxLength(50))),
      "each `messageId@revision.length`: open answers whose text you hold",
    ),
  }),
  unsubscribe: request("unsubscribe", inConversation),
  get_history: request("get_history", {
    ...inConversation,
    before: described(Schema.optionalKey(F.Seq), "only messages below this seq; without it the newest"),
    limit: Schema.optionalKey(F.PageSize),
  }),
  send_message: request("send_message", {
    ...inConversation,
    clientMessageId: described(F.ClientMessageId, "yours, a new one for each message: the same again is the same message"),
    text: described(F.Text, "at most `limits.maxMessageLength`"),
    messageType: Schema.optionalKey(Schema.Literals(["text", "image", "file", "audio", "video", "poll"])),
    replyTo: Schema.optionalKey(F.MessageId),
    metadata: Schema.optionalKey(F.Metadata),
  }),
  edit_message: request("edit_message", {
    ...ofMessage,
    base: described(F.Change, "`change` of the version that you edited"),
    text: F.Text,
    metadata: Schema.optionalKey(F.Metadata),
  }),
  delete_message: request("delete_message", ofMessage),
  message_reaction: request("message_reaction", { ...ofMessage, emoji: F.Emoji, remove: Schema.optionalKey(Schema.Boolean) }),
  join_room: request("join_room", inConversation),
  leave_room: request("leave_room", inConversation),
  stop_answer: request("stop_answer", ofMessage),
  regenerate_answer: request("regenerate_answer", {
    ...inConversation,
    messageId: described(F.MessageId, "of the answer to replace"),
  }),
  ping: request("ping", {}),
} as const

export type RequestType = keyof typeof REQUESTS
export type RequestOf<T extends RequestType> = (typeof REQUESTS)[T]["Type"]
export type Request = { [T in RequestType]: RequestOf<T> }[RequestType]
/** A use case's input: the frame without its envelope. */
export type InputOf<T extends RequestType> = Omit<RequestOf<T>, "type" | "id">

/** What `welcome.features` lists. */
export const FEATURES = Object.keys(REQUESTS) as ReadonlyArray<RequestType>
export const PROTOCOL_VERSION = 1
