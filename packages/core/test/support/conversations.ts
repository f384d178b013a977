/** Conversations and memberships put straight into the log: states that no use case leads to, or only by a detour. */
import { type Conversation, type ConversationType, type Member, type MemberStatus, ROLES } from "../../src/domain/item.ts"
import { bodyOf } from "../../src/domain/conversation.ts"
import { memberIdOf } from "../../src/domain/ids.ts"
import { newMember } from "../../src/domain/member.ts"
import type { SimulatedStore } from "./simulated-store.ts"
import type { Simulation } from "./simulation.ts"

export const TENANT = "t"

/** Everybody is there at once. In a session everybody owns it, for only its owner may speak in one. */
export const seedConversation = (
  sim: Simulation,
  store: SimulatedStore,
  of: { readonly id: string; readonly type: ConversationType; readonly members: ReadonlyArray<string> },
): void => {
  const outcome = sim.run(
    store.log.commit({
      tenant: TENANT,
      conversation: of.id,
      members: { delta: of.members.length, max: 100 },
      puts: [
        {
          was: "new",
          item: {
            kind: "conversation",
            id: of.id,
            v: 1,
            type: of.type,
            status: "active",
            createdBy: of.members[0] as string,
            maxMembers: 100,
          },
        },
        ...of.members.map((userId, i) => ({
          was: "new" as const,
          item: newMember(userId, of.type === "session" || i === 0 ? ROLES[0] : "member", "joined"),
        })),
      ],
      outbox: [],
    }),
  )
  if (outcome.outcome !== "ok") throw new Error(`seeding ended as ${outcome.outcome}`)
}

/** What an administrator's tool would do: no use case of today bans, removes or mutes. */
export const putMember = (
  sim: Simulation,
  store: SimulatedStore,
  conversation: string,
  userId: string,
  status: MemberStatus,
  more: { readonly muted?: boolean } = {},
): void => {
  const snapshot = sim.run(store.log.get({ tenant: TENANT, conversation, items: [memberIdOf(userId)] }))
  const before = snapshot?.items[0] as Member
  if (before.status === status && before.muted === more.muted) return
  const was = before.status === "joined" ? 1 : 0
  const is = status === "joined" ? 1 : 0
  const outcome = sim.run(
    store.log.commit({
      tenant: TENANT,
      conversation,
      members: { delta: is - was, max: 100 },
      revokes: status !== "joined" || more.muted === true,
      puts: [{ item: { ...bodyOf(before), ...more, status }, was: before.change }],
      outbox: [],
    }),
  )
  if (outcome.outcome !== "ok") throw new Error(`moving a member ended as ${outcome.outcome}`)
}

export const conversationOf = (sim: Simulation, store: SimulatedStore, id: string): Conversation =>
  sim.run(store.log.get({ tenant: TENANT, conversation: id, items: [id] }))?.items[0] as Conversation
