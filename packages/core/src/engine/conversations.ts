/** Sessions and rooms as such: create, look, list, update, end, erase. */
import * as Effect from "effect/Effect"
import { bodyOf, type ConversationHead, endConversation, isInactive } from "../domain/conversation.ts"
import { ID_PREFIX, memberIdOf } from "../domain/ids.ts"
import {
  CONVERSATION_TYPES,
  type Conversation,
  type ConversationBody,
  type ConversationType,
  type Item,
  type Member,
  type Role,
} from "../domain/item.ts"
import { newMember, transitionMember } from "../domain/member.ts"
import { systemMessage } from "../domain/message.ts"
import type { Principal } from "../domain/principal.ts"
import type { Commit } from "../ports/conversation-log.ts"
import type { OutboxFact } from "../ports/outbox.ts"
import { chatError } from "../protocol/errors.ts"
import type { InputOf } from "../protocol/requests.ts"
import { refusal } from "./access.ts"
import { withRulings } from "./authorization.ts"
import type { EngineError, Environment } from "./environment.ts"
import { metadataProblem } from "./send-message.ts"
import { type Changed, changedOf, commitAndAnnounce, type Decision, readDecideCommit } from "./write.ts"

export interface Created {
  readonly conversationId: string
  readonly change: number
}

/** One line of a list: the conversation, and the caller's place in it. */
export interface Listing {
  readonly conversationId: string
  readonly conversation: Conversation
  readonly role: Role
  readonly status: Member["status"]
  readonly head: string
  readonly lastSeq: number
  readonly members: number
  readonly lastSendAt: number
  /** Of a session: nobody sent for 30 minutes. */
  readonly inactive?: boolean
}

export interface Listings {
  readonly conversations: ReadonlyArray<Listing>
  /** Give it back as `after`; absent on the last page. */
  readonly next?: string
}

const ROOM_TYPES = CONVERSATION_TYPES.filter((type): type is Exclude<ConversationType, "session"> => type !== "session")

export const createSession =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"create_session">): Effect.Effect<Created, EngineError> => {
    const id = env.system.randomId(ID_PREFIX.session)
    const body: ConversationBody = {
      kind: "conversation",
      id,
      v: 1,
      type: "session",
      status: "active",
      createdBy: principal.userId,
      maxMembers: 1,
      ...(input.name === undefined ? {} : { name: input.name }),
      ...(input.context === undefined ? {} : { context: input.context }),
    }
    const problem = contextProblem(env, input.context)
    return problem === undefined
      ? create(env, principal, body, [], [{ type: "session_created", actor: principal.userId }])
      : Effect.fail(problem)
  }

export const createRoom =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"create_room">): Effect.Effect<Created, EngineError> => {
    const direct = input.roomType === "direct"
    const others = [...new Set(input.invite ?? [])].filter((userId) => userId !== principal.userId)
    if (direct && others.length !== 1)
      return Effect.fail(
        chatError("invalid_request", { path: "/invite", problem: "a direct room is with exactly one other user" }),
      )
    const body: ConversationBody = {
      kind: "conversation",
      id: env.system.randomId(ID_PREFIX.room),
      v: 1,
      type: input.roomType,
      status: "active",
      createdBy: principal.userId,
      maxMembers: direct ? 2 : env.limits.maxMembers,
      ...(input.name === undefined ? {} : { name: input.name }),
      ...(input.description === undefined ? {} : { description: input.description }),
    }
    return create(env, principal, body, others, [
      { type: "room_created", actor: principal.userId },
      ...others.map((subject): OutboxFact => ({
        type: direct ? "member_joined" : "member_invited",
        actor: principal.userId,
        subject,
      })),
    ])
  }

const create = (
  env: Environment,
  principal: Principal,
  body: ConversationBody,
  others: ReadonlyArray<string>,
  outbox: ReadonlyArray<OutboxFact>,
): Effect.Effect<Created, EngineError> => {
  const direct = body.type === "direct"
  const pair = [principal.userId, ...others].sort()
  const commit: Commit = {
    tenant: principal.tenant,
    conversation: body.id,
    // Two people have one direct room, whoever of them opens it and however often.
    ...(direct ? { key: { scope: "direct", id: JSON.stringify(pair), request: "", tenantWide: true } } : {}),
    members: { delta: direct ? 2 : 1, max: body.maxMembers },
    puts: [
      { item: body, was: "new" },
      { item: newMember(principal.userId, direct ? "member" : "owner", "joined"), was: "new" },
      ...others.map((userId) => ({ item: newMember(userId, "member", direct ? "joined" : "invited"), was: "new" as const })),
    ],
    outbox,
  }
  return Effect.flatMap(commitAndAnnounce(env, commit), (outcome) => {
    if (outcome.outcome === "ok") return Effect.succeed({ conversationId: body.id, change: outcome.head.change })
    if (outcome.outcome === "repeat")
      return Effect.succeed({ conversationId: outcome.conversation, change: outcome.committed.at(-1)?.change ?? 1 })
    if (outcome.outcome === "room_full") return Effect.fail(chatError("room_full"))
    return Effect.die(new Error(`creating a conversation came back as ${outcome.outcome}, though its id is new`))
  })
}

const contextProblem = (env: Environment, context: object | undefined) => {
  const problem = metadataProblem(env, context)
  return problem === undefined ? undefined : chatError("invalid_request", { ...problem.details, path: "/context" })
}

export const updateConversation =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"update_conversation">): Effect.Effect<Changed, EngineError> => {
    const invite = [...new Set(input.invite ?? [])]
    const { conversationId, invite: _invite, ...fields } = input
    const updates = Object.keys(fields).length > 0
    const problem = contextProblem(env, input.context)
    if (problem !== undefined) return Effect.fail(problem)
    const actions = [...(updates ? ["update" as const] : []), ...(invite.length > 0 ? ["invite" as const] : [])]
    return withRulings(env, principal, conversationId, actions, (decide) =>
      readDecideCommit(env, principal, conversationId, "read", invite.map(memberIdOf), ({ grant, items }): Decision<Changed> => {
        const { conversation, member } = grant
        for (const action of actions) {
          const verdict = decide(conversation, member, action)
          if (verdict !== "allowed") return { type: "refuse", error: refusal(verdict, conversation) }
        }
        if (input.context !== undefined && conversation.type !== "session")
          return {
            type: "refuse",
            error: chatError("invalid_request", { path: "/context", problem: "only a session has a context" }),
          }
        const invited = invite.flatMap((userId, i) => {
          const before = items[i]?.kind === "member" ? (items[i] as Member) : undefined
          const moved = transitionMember(userId, before === undefined ? undefined : bodyOf(before), { type: "invited" })
          return moved.type === "changed"
            ? [{ userId, put: { item: moved.member, was: before?.change ?? ("new" as const) } }]
            : []
        })
        if (!updates && invited.length === 0) return { type: "done", result: changedOf(conversation) }
        const userIds = invited.map(({ userId }) => userId)
        return {
          type: "commit",
          result: (written) => changedOf(written[0] as Item),
          commit: {
            puts: [
              ...(updates ? [{ item: { ...bodyOf(conversation), ...fields }, was: conversation.change }] : []),
              ...invited.map(({ put }) => put),
              ...(userIds.length > 0
                ? [
                    {
                      item: systemMessage(env.system.randomId(ID_PREFIX.message), { kind: "invited", userIds }),
                      was: "new" as const,
                    },
                  ]
                : []),
            ],
            outbox: [
              ...(updates ? [{ type: "conversation_updated" as const, actor: principal.userId }] : []),
              ...userIds.map((subject): OutboxFact => ({ type: "member_invited", actor: principal.userId, subject })),
            ],
          },
        }
      }),
    )
  }

export const closeConversation =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"close_conversation">): Effect.Effect<Changed, EngineError> =>
    withRulings(env, principal, input.conversationId, ["close"], (decide) =>
      readDecideCommit(env, principal, input.conversationId, "read", [], ({ grant }): Decision<Changed> => {
        const { conversation, member } = grant
        // Closing what is closed changes nothing, and is no error: the reply to the first request may have been lost.
        if (conversation.status === "closed") return { type: "done", result: changedOf(conversation) }
        const verdict = decide(conversation, member, "close")
        if (verdict !== "allowed") return { type: "refuse", error: refusal(verdict, conversation) }
        const ended = endConversation(bodyOf(conversation), { type: "closed" })
        if (!ended.ok) return { type: "refuse", error: refusal("ended", conversation) }
        return {
          type: "commit",
          result: (written) => changedOf(written[0] as Item),
          commit: {
            revokes: true,
            puts: [{ item: ended.body, was: conversation.change }],
            outbox: [{ type: "conversation_closed", actor: principal.userId }],
          },
        }
      }),
    )

export const deleteConversation =
  (env: Environment) =>
  (
    principal: Principal,
    input: InputOf<"delete_conversation">,
  ): Effect.Effect<{ readonly conversationId: string }, EngineError> =>
    readDecideCommit(env, principal, input.conversationId, "delete_conversation", [], () => ({
      type: "commit",
      result: () => {
        env.access.forget(principal, input.conversationId)
        return { conversationId: input.conversationId }
      },
      commit: { erase: true, puts: [], outbox: [{ type: "conversation_deleted", actor: principal.userId }] },
    }))

export const listConversations =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"list_conversations">): Effect.Effect<Listings, EngineError> =>
    Effect.gen(function* () {
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      if (input.conversationId !== undefined) {
        const { grant, head } = yield* env.access.look(principal, input.conversationId, "read", [])
        return { conversations: [listing(head, grant.conversation, grant.member, now)] }
      }
      const after = input.after === undefined ? undefined : parseAfter(input.after)
      if (after === null)
        return yield* Effect.fail(chatError("invalid_request", { path: "/after", problem: "is no `next` of a page" }))
      const { entries, more } = yield* env.log.list({
        tenant: principal.tenant,
        userId: principal.userId,
        types: input.kind === "session" ? ["session"] : input.kind === "room" ? ROOM_TYPES : CONVERSATION_TYPES,
        statuses: ["joined", "invited"],
        limit: input.limit ?? 50,
        ...(after === undefined ? {} : { after }),
      })
      const last = entries.at(-1)
      return {
        conversations: entries.map((entry) => listing(entry.head, entry.conversation, entry.member, now)),
        ...(more && last !== undefined ? { next: `${last.head.lastSendAt}.${last.head.id}` } : {}),
      }
    })

const listing = (head: ConversationHead, conversation: Conversation, member: Member, now: number): Listing => ({
  conversationId: head.id,
  conversation,
  role: member.role,
  status: member.status,
  head: `${head.epoch}.${head.change}`,
  lastSeq: head.seq,
  members: head.members,
  lastSendAt: head.lastSendAt,
  ...(conversation.type === "session" ? { inactive: isInactive(head, now) } : {}),
})

const parseAfter = (text: string): { readonly lastSendAt: number; readonly id: string } | null => {
  const dot = text.indexOf(".")
  const lastSendAt = Number(text.slice(0, dot))
  return dot > 0 && Number.isSafeInteger(lastSendAt) ? { lastSendAt, id: text.slice(dot + 1) } : null
}
