import { describe, expect, it } from "vitest"
import {
  CONVERSATION_TYPES,
  type Conversation,
  type ConversationStatus,
  type ConversationType,
  type Member,
  type MemberStatus,
  ROLES,
  type Role,
} from "../../src/domain/item.ts"
import { ACTIONS, type Action, decideAccess, type Verdict } from "../../src/policy/access.ts"

/**
 * Six letters a cell, in three pairs: the conversation is active, closed, expired; of each pair the first for a member who is
 * not muted, the second for one who is. Yes: allowed, No: denied to the role, Ended, Muted.
 */
const LETTERS: Readonly<Record<string, Verdict>> = { Y: "allowed", N: "denied", E: "ended", M: "muted" }

type Cell = `${Pair} ${Pair} ${Pair}`
type Pair = "YY" | "YM" | "NN" | "EE"

const TABLE: Record<ConversationType, Record<Action, Record<Role, Cell>>> = {
  session: {
    read: { owner: "YY YY YY", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    send: { owner: "YM EE EE", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    edit_own: { owner: "YM EE EE", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    delete_own: { owner: "YM YM YM", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    delete_any: { owner: "YM YM YM", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    react: { owner: "YM EE EE", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    stop_answer: { owner: "YM YM YM", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    regenerate_answer: { owner: "YM EE EE", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    update: { owner: "YM EE EE", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    invite: { owner: "NN NN NN", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    leave: { owner: "NN NN NN", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    close: { owner: "YM EE EE", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    delete_conversation: { owner: "YM YM YM", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
  },
  direct: {
    read: { owner: "YY YY YY", admin: "YY YY YY", moderator: "YY YY YY", member: "YY YY YY" },
    send: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    edit_own: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    delete_own: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "YM YM YM" },
    delete_any: { owner: "NN NN NN", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    react: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    stop_answer: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "YM YM YM" },
    regenerate_answer: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    update: { owner: "NN NN NN", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    invite: { owner: "NN NN NN", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    leave: { owner: "NN NN NN", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    close: { owner: "NN NN NN", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
    delete_conversation: { owner: "NN NN NN", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
  },
  private: {
    read: { owner: "YY YY YY", admin: "YY YY YY", moderator: "YY YY YY", member: "YY YY YY" },
    send: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    edit_own: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    delete_own: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "YM YM YM" },
    delete_any: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "NN NN NN" },
    react: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    stop_answer: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "YM YM YM" },
    regenerate_answer: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    update: { owner: "YM EE EE", admin: "YM EE EE", moderator: "NN NN NN", member: "NN NN NN" },
    invite: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "NN NN NN" },
    leave: { owner: "YY YY YY", admin: "YY YY YY", moderator: "YY YY YY", member: "YY YY YY" },
    close: { owner: "YM EE EE", admin: "YM EE EE", moderator: "NN NN NN", member: "NN NN NN" },
    delete_conversation: { owner: "YM YM YM", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
  },
  group: {
    read: { owner: "YY YY YY", admin: "YY YY YY", moderator: "YY YY YY", member: "YY YY YY" },
    send: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    edit_own: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    delete_own: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "YM YM YM" },
    delete_any: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "NN NN NN" },
    react: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    stop_answer: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "YM YM YM" },
    regenerate_answer: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    update: { owner: "YM EE EE", admin: "YM EE EE", moderator: "NN NN NN", member: "NN NN NN" },
    invite: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "NN NN NN" },
    leave: { owner: "YY YY YY", admin: "YY YY YY", moderator: "YY YY YY", member: "YY YY YY" },
    close: { owner: "YM EE EE", admin: "YM EE EE", moderator: "NN NN NN", member: "NN NN NN" },
    delete_conversation: { owner: "YM YM YM", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
  },
  public: {
    read: { owner: "YY YY YY", admin: "YY YY YY", moderator: "YY YY YY", member: "YY YY YY" },
    send: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    edit_own: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    delete_own: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "YM YM YM" },
    delete_any: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "NN NN NN" },
    react: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    stop_answer: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "YM YM YM" },
    regenerate_answer: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    update: { owner: "YM EE EE", admin: "YM EE EE", moderator: "NN NN NN", member: "NN NN NN" },
    invite: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "NN NN NN" },
    leave: { owner: "YY YY YY", admin: "YY YY YY", moderator: "YY YY YY", member: "YY YY YY" },
    close: { owner: "YM EE EE", admin: "YM EE EE", moderator: "NN NN NN", member: "NN NN NN" },
    delete_conversation: { owner: "YM YM YM", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
  },
  announcement: {
    read: { owner: "YY YY YY", admin: "YY YY YY", moderator: "YY YY YY", member: "YY YY YY" },
    send: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "NN NN NN" },
    edit_own: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "NN NN NN" },
    delete_own: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "NN NN NN" },
    delete_any: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "NN NN NN" },
    react: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "YM EE EE" },
    stop_answer: { owner: "YM YM YM", admin: "YM YM YM", moderator: "YM YM YM", member: "NN NN NN" },
    regenerate_answer: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "NN NN NN" },
    update: { owner: "YM EE EE", admin: "YM EE EE", moderator: "NN NN NN", member: "NN NN NN" },
    invite: { owner: "YM EE EE", admin: "YM EE EE", moderator: "YM EE EE", member: "NN NN NN" },
    leave: { owner: "YY YY YY", admin: "YY YY YY", moderator: "YY YY YY", member: "YY YY YY" },
    close: { owner: "YM EE EE", admin: "YM EE EE", moderator: "NN NN NN", member: "NN NN NN" },
    delete_conversation: { owner: "YM YM YM", admin: "NN NN NN", moderator: "NN NN NN", member: "NN NN NN" },
  },
}

const stamps = { change: 1, createdAt: 1, updatedAt: 1 }
const STATUSES = ["active", "closed", "expired"] as const

const conversationOf = (type: ConversationType, status: ConversationStatus): Conversation => ({
  kind: "conversation",
  id: "room_1",
  v: 1,
  type,
  status,
  createdBy: "ana",
  maxMembers: 500,
  ...stamps,
})

const memberOf = (role: Role, status: MemberStatus, muted: boolean): Member => ({
  kind: "member",
  id: "mem_ana",
  v: 1,
  userId: "ana",
  role,
  status,
  ...(muted ? { muted } : {}),
  ...stamps,
})

/** The cell as the policy fills it, in the letters of the table. */
const decided = (type: ConversationType, role: Role, action: Action): string => {
  const letterOf = (verdict: Verdict) => Object.keys(LETTERS).find((letter) => LETTERS[letter] === verdict) ?? "?"
  const pair = (status: ConversationStatus) =>
    [false, true].map((muted) => letterOf(decideAccess(conversationOf(type, status), memberOf(role, "joined", muted), action)))
  return STATUSES.map((status) => pair(status).join("")).join(" ")
}

describe("access: role × action × conversation type × (status, muted)", () => {
  for (const type of CONVERSATION_TYPES)
    for (const action of Object.keys(TABLE[type]) as ReadonlyArray<Action>)
      it(`${type}: ${action}`, () => {
        expect(Object.fromEntries(ROLES.map((role) => [role, decided(type, role, action)]))).toEqual(TABLE[type][action])
      })

  it("covers every action and every type, so that none is added undecided", () => {
    expect(Object.keys(TABLE).toSorted()).toEqual([...CONVERSATION_TYPES].toSorted())
    for (const type of CONVERSATION_TYPES) expect(Object.keys(TABLE[type]).toSorted()).toEqual([...ACTIONS].toSorted())
  })
})

describe("access of those who are not joined", () => {
  for (const type of CONVERSATION_TYPES)
    it(`${type}: the conversation does not exist for a stranger, nor for an invited, left, removed or banned one`, () => {
      const statuses = ["invited", "left", "removed", "banned"] as const
      const outsiders = [undefined, ...ROLES.flatMap((role) => statuses.map((status) => memberOf(role, status, false)))]
      const verdicts = outsiders.flatMap((outsider) =>
        STATUSES.flatMap((status) => ACTIONS.map((action) => decideAccess(conversationOf(type, status), outsider, action))),
      )
      expect(new Set(verdicts)).toEqual(new Set(["hidden"]))
    })
})
