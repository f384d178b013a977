/**
 * A user's place in a conversation.
 *
 *     (none) ──invited──▶ invited ──joined──▶ joined ──left──▶ left ──invited──▶ invited
 *                            ├─────left─────▶ left       └─removed─▶ removed ─invited─▶ invited
 *                            └───removed────▶ removed
 *     any but banned ──banned──▶ banned (takes no invitation and no join)
 *
 * Invariants: one item per user and conversation; only `joined` counts as a member and reads; leaving keeps the item,
 * so that a reader of the log sees who was there; a role survives leaving only as `member`; a mute survives everything, or leaving would lift it.
 */
import { memberIdOf } from "./ids.ts"
import type { MemberBody, MemberStatus, Role } from "./item.ts"

export type MemberEvent =
  | { readonly type: "invited" }
  | { readonly type: "joined" }
  | { readonly type: "left" }
  | { readonly type: "removed" }
  | { readonly type: "banned" }

export type MemberTransition =
  | {
      readonly type: "changed"
      readonly member: MemberBody
      /** How the number of joined members moves. */
      readonly delta: -1 | 0 | 1
      /** Access was taken away: the conversation's access version moves. */
      readonly revokes: boolean
    }
  | { readonly type: "unchanged" }
  /** The event does not fit the status; the reason is the status. */
  | { readonly type: "refused"; readonly status: MemberStatus | "none" }

export const newMember = (userId: string, role: Role, status: "invited" | "joined"): MemberBody => ({
  kind: "member",
  id: memberIdOf(userId),
  v: 1,
  userId,
  role,
  status,
})

/** Where each event leads from each status: the whole machine. `same` is no put, `no` a refusal. */
const NEXT: Record<MemberStatus | "none", Record<MemberEvent["type"], MemberStatus | "same" | "no">> = {
  none: { invited: "invited", joined: "no", left: "no", removed: "no", banned: "banned" },
  invited: { invited: "same", joined: "joined", left: "left", removed: "removed", banned: "banned" },
  joined: { invited: "same", joined: "same", left: "left", removed: "removed", banned: "banned" },
  left: { invited: "invited", joined: "no", left: "same", removed: "same", banned: "banned" },
  removed: { invited: "invited", joined: "no", left: "same", removed: "same", banned: "banned" },
  banned: { invited: "no", joined: "no", left: "same", removed: "same", banned: "same" },
}

export const transitionMember = (userId: string, member: MemberBody | undefined, event: MemberEvent): MemberTransition => {
  const status = member?.status ?? "none"
  const next = NEXT[status][event.type]
  if (next === "no") return { type: "refused", status }
  if (next === "same") return { type: "unchanged" }
  const was = status === "joined"
  const before = member ?? newMember(userId, "member", "invited")
  return {
    type: "changed",
    member: { ...before, status: next, role: next === "joined" || next === "invited" ? before.role : "member" },
    delta: next === "joined" ? 1 : was ? -1 : 0,
    revokes: was || next === "banned",
  }
}
