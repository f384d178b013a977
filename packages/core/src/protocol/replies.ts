/** What each request is answered with, beside `type` and `id`, as schemas: for the published descriptions and for tests. */
import * as Schema from "effect/Schema"
import { described } from "./fields.ts"
import type { RequestType } from "./requests.ts"
import { AnswerState, Conversation, Count, MemberStatus, Message, Mine, Users, Reactions, Role } from "./wire-items.ts"

const changed = {
  itemId: described(Schema.String, "of the item that the request wrote"),
  change: described(Count, "the change that wrote it"),
  seq: described(Schema.optionalKey(Count), "of a message"),
}
const Changed = Schema.Struct(changed).annotate({ identifier: "Changed" })
const Created = Schema.Struct({ conversationId: Schema.String, change: Count }).annotate({ identifier: "Created" })
const Named = Schema.Struct({ conversationId: Schema.String }).annotate({ identifier: "Named" })

const Listing = Schema.Struct({
  conversationId: Schema.String,
  conversation: Conversation,
  role: described(Role, "yours"),
  status: described(MemberStatus, "yours"),
  head: described(Schema.String, "a cursor: newer than yours, and there is something to fetch"),
  lastSeq: described(Count, "the seq of its newest message"),
  members: Count,
  lastSendAt: described(Count, "when a person last sent, milliseconds since the Unix epoch"),
  inactive: described(Schema.optionalKey(Schema.Boolean), "of a session: nobody sent for 30 minutes"),
}).annotate({ identifier: "Listing" })

export const REPLIES = {
  authenticate: Schema.Struct({ userId: Schema.String }),
  create_session: Created,
  create_room: Created,
  update_conversation: Changed,
  close_conversation: Changed,
  delete_conversation: Named,
  list_conversations: Schema.Struct({
    conversations: described(Schema.Array(Listing), "the one with the newest send first"),
    next: described(Schema.optionalKey(Schema.String), "give it back as `after`; absent on the last page"),
  }).annotate({ identifier: "Listings" }),
  subscribe: Schema.Struct({
    conversationId: Schema.String,
    epoch: Schema.String,
    head: described(Count, "its change at this time"),
  }).annotate({ identifier: "Subscribed" }),
  unsubscribe: Named,
  get_history: Schema.Struct({
    conversationId: Schema.String,
    messages: described(Schema.Array(Message), "ascending by seq"),
    reactions: described(Schema.Array(Reactions), "of these messages"),
    asOf: described(Schema.String, "the cursor it was read at"),
    firstSeq: described(Count, "the oldest message kept"),
    hasMore: described(Schema.Boolean, "there are older ones"),
    mine: Schema.optionalKey(Mine),
    users: Schema.optionalKey(Users),
  }).annotate({ identifier: "History" }),
  send_message: Schema.Struct({
    ...changed,
    answer: described(Schema.optionalKey(Changed), "the answer that began with it, in a session with an assistant"),
    repeat: described(Schema.optionalKey(Schema.Literal(true)), "it had been sent before: these are the numbers of that time"),
  }).annotate({ identifier: "Sent" }),
  edit_message: Changed,
  delete_message: Changed,
  message_reaction: Changed,
  join_room: Changed,
  leave_room: Changed,
  stop_answer: Schema.Struct({
    ...changed,
    state: described(AnswerState, "`stopping`, or how it had ended before"),
  }).annotate({ identifier: "Stopped" }),
  regenerate_answer: Changed,
} as const satisfies Record<Exclude<RequestType, "ping">, Schema.Top>
