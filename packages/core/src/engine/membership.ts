/** Joining by invitation and leaving. */
import * as Effect from "effect/Effect"
import { bodyOf } from "../domain/conversation.ts"
import { ID_PREFIX, memberIdOf } from "../domain/ids.ts"
import type { Item } from "../domain/item.ts"
import { transitionMember } from "../domain/member.ts"
import { systemMessage } from "../domain/message.ts"
import type { Principal } from "../domain/principal.ts"
import { chatError } from "../protocol/errors.ts"
import type { InputOf } from "../protocol/requests.ts"
import type { EngineError, Environment } from "./environment.ts"
import { type Changed, changedOf, commitAndAnnounce, type Decision, readDecideCommit } from "./write.ts"

/** An invited user reads nothing yet, so joining stands outside the access table: the member machine decides. */
export const joinRoom =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"join_room">): Effect.Effect<Changed, EngineError> => {
    const { tenant, userId } = principal
    const conversation = input.conversationId
    const round = (left: number): Effect.Effect<Changed, EngineError> =>
      Effect.flatMap(
        env.log.get({ tenant, conversation, items: [conversation, memberIdOf(userId)] }),
        (snapshot): Effect.Effect<Changed, EngineError> => {
          const [body, member] = snapshot?.items ?? []
          if (snapshot === undefined || body?.kind !== "conversation" || member?.kind !== "member")
            return Effect.fail(chatError("conversation_not_found"))
          const moved = transitionMember(userId, bodyOf(member), { type: "joined" })
          if (moved.type === "unchanged") return Effect.succeed(changedOf(member))
          if (moved.type === "refused") return Effect.fail(chatError("conversation_not_found"))
          if (body.status !== "active")
            return Effect.fail(chatError(body.status === "expired" ? "conversation_expired" : "conversation_closed"))
          return Effect.flatMap(
            commitAndAnnounce(env, {
              tenant,
              conversation,
              expectAccess: snapshot.head.accessVersion,
              members: { delta: moved.delta, max: body.maxMembers },
              puts: [
                { item: moved.member, was: member.change },
                {
                  item: systemMessage(env.system.randomId(ID_PREFIX.message), { kind: "joined", userIds: [userId] }),
                  was: "new",
                },
              ],
              outbox: [{ type: "member_joined", actor: userId }],
            }),
            (outcome): Effect.Effect<Changed, EngineError> => {
              if (outcome.outcome === "ok") return Effect.succeed(changedOf(outcome.items[0] as Item))
              if (outcome.outcome === "room_full") return Effect.fail(chatError("room_full"))
              if (outcome.outcome === "missing") return Effect.fail(chatError("conversation_not_found"))
              return left === 0 ? Effect.fail(chatError("overloaded")) : round(left - 1)
            },
          )
        },
      )
    return round(8)
  }

export const leaveRoom =
  (env: Environment) =>
  (principal: Principal, input: InputOf<"leave_room">): Effect.Effect<Changed, EngineError> =>
    readDecideCommit(env, principal, input.conversationId, "leave", [], ({ grant, head }): Decision<Changed> => {
      if (grant.member.role === "owner" && head.members > 1)
        return {
          type: "refuse",
          error: chatError("forbidden", { problem: "the owner of a room with members cannot leave it; delete it instead" }),
        }
      const moved = transitionMember(principal.userId, bodyOf(grant.member), { type: "left" })
      if (moved.type !== "changed") return { type: "done", result: changedOf(grant.member) }
      return {
        type: "commit",
        result: (written) => {
          env.access.forget(principal, input.conversationId)
          return changedOf(written[0] as Item)
        },
        commit: {
          members: { delta: moved.delta, max: grant.conversation.maxMembers },
          revokes: moved.revokes,
          puts: [
            { item: moved.member, was: grant.member.change },
            {
              item: systemMessage(env.system.randomId(ID_PREFIX.message), { kind: "left", userIds: [principal.userId] }),
              was: "new",
            },
          ],
          outbox: [{ type: "member_left", actor: principal.userId }],
        },
      }
    })
