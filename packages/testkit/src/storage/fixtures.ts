/**
 * Small commits and queries, so that a case shows only what it is about. What a case does not say is the tenant `acme`, the
 * room `room_1` and its owner `ann`.
 */
import * as Assert from "node:assert/strict"
import * as Effect from "effect/Effect"
import {
  ConversationLog,
  memberIdOf,
  newAnswer,
  newMember,
  newMessage,
  reactionsIdOf,
  type AnswerLeases,
  type Author,
  type Commit,
  type CommitOutcome,
  type ConversationBody,
  type ConversationHead,
  type Item,
  type ItemBody,
  type MemberBody,
  type MessageBody,
  type Outbox,
  type Put,
  type ReactionsBody,
  type StorageError,
} from "@parley/core"
import type { Case } from "../conformance/case.ts"

/** The three ports of one database: their suites look at each other's effects. */
export type StorageServices = ConversationLog | AnswerLeases | Outbox

/** `reopen`: what is written outlives the layer. */
export type StorageCapability = "reopen"
export type StorageCase = Case<StorageServices, StorageCapability>

export const TENANT = "acme"
export const ROOM = "room_1"
const ANN: Author = { kind: "user", id: "ann" }
/** More than any case writes. */
export const ALL = { limit: 10_000, maxBytes: 100_000_000 } as const

export type Outcome<Name extends CommitOutcome["outcome"]> = Extract<CommitOutcome, { readonly outcome: Name }>

export const conversation = (id: string = ROOM, over: Partial<ConversationBody> = {}): ConversationBody => ({
  kind: "conversation",
  id,
  v: 1,
  type: "group",
  status: "active",
  createdBy: "ann",
  maxMembers: 10,
  ...over,
})

export const message = (id: string, text = `text of ${id}`, author: Author = ANN): MessageBody =>
  newMessage({ id, author, type: "text", parts: [{ type: "text", text }] })

export const answer = (id: string, turn = "msg_1"): MessageBody => newAnswer({ id, assistant: "ai", turn, variant: 1 })

export const member = (userId: string, over: Partial<MemberBody> = {}): MemberBody => ({
  ...newMember(userId, "member", "joined"),
  ...over,
})

export const reactions = (messageId: string, users: ReactionsBody["users"]): ReactionsBody => ({
  kind: "reactions",
  id: reactionsIdOf(messageId),
  v: 1,
  messageId,
  users,
})

export const put = (item: ItemBody, was: number | "new" = "new"): Put => ({ item, was })

export type CommitFields = Partial<Commit>

export const commitOf = (fields: CommitFields): Commit => ({
  tenant: TENANT,
  conversation: ROOM,
  puts: [],
  outbox: [],
  ...fields,
})

export const commit = (fields: CommitFields): Effect.Effect<CommitOutcome, StorageError, ConversationLog> =>
  ConversationLog.use((log) => log.commit(commitOf(fields)))

/** A commit that has to be `ok`. */
export const commitOk = (fields: CommitFields): Effect.Effect<Outcome<"ok">, StorageError, ConversationLog> =>
  Effect.map(commit(fields), (outcome) => expectOutcome(outcome, "ok"))

/** Creates a room with its owner: changes 1 and 2. */
export const createRoom = (
  id: string = ROOM,
  fields: CommitFields = {},
): Effect.Effect<Outcome<"ok">, StorageError, ConversationLog> =>
  commitOk({
    conversation: id,
    puts: [put(conversation(id)), put(newMember("ann", "owner", "joined"))],
    members: { delta: 1, max: 10 },
    ...fields,
  })

export const send = (
  id: string,
  fields: CommitFields = {},
  text?: string,
): Effect.Effect<Outcome<"ok">, StorageError, ConversationLog> => commitOk({ puts: [put(message(id, text))], ...fields })

/** `count` messages in one commit, `msg_<from>` on. */
export const sendMany = (count: number, from = 1, text?: string): Effect.Effect<Outcome<"ok">, StorageError, ConversationLog> =>
  commitOk({ puts: Array.from({ length: count }, (_, index) => put(message(`msg_${from + index}`, text))) })

export const expectOutcome = <Name extends CommitOutcome["outcome"]>(outcome: CommitOutcome, name: Name): Outcome<Name> => {
  Assert.equal(outcome.outcome, name, `the outcome is ${JSON.stringify(outcome)}; the contract says ${name}`)
  return outcome as Outcome<Name>
}

/** The result of a read of something that is there. */
export const found = <A>(value: A | undefined): A => {
  Assert.notEqual(value, undefined, "the read found nothing where a conversation is")
  return value as A
}

export const idsOf = (items: ReadonlyArray<{ readonly id: string }>): ReadonlyArray<string> => items.map((item) => item.id)

export const items = (
  ids: ReadonlyArray<string>,
  at: { readonly tenant?: string; readonly conversation?: string } = {},
): Effect.Effect<ReadonlyArray<Item | undefined>, StorageError, ConversationLog> =>
  ConversationLog.use((log) => log.get({ tenant: TENANT, conversation: ROOM, ...at, items: ids })).pipe(
    Effect.map((snapshot) => found(snapshot).items),
  )

export const item = (id: string): Effect.Effect<Item, StorageError, ConversationLog> =>
  Effect.map(items([id]), ([only]) => found(only))

/** Everything in the log, in the order of changes. */
export const everything = (
  at: { readonly tenant?: string; readonly conversation?: string } = {},
): Effect.Effect<{ readonly head: ConversationHead; readonly items: ReadonlyArray<Item> }, StorageError, ConversationLog> =>
  ConversationLog.use((log) => log.changes({ tenant: TENANT, conversation: ROOM, after: 0, ...ALL, ...at })).pipe(
    Effect.map(found),
  )

/** The numbers from `first` to `last`. */
export const numbers = (first: number, last: number): ReadonlyArray<number> =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)

export const annId: string = memberIdOf("ann")
