/**
 * Who may do what: one table of role × action × conversation type. A cell that is not listed is denied.
 * Host roles never grant a thing here; a member's role in the conversation does.
 */
import type { Conversation, ConversationType, Member, Role } from "../domain/item.ts"
import { isJoined } from "../domain/conversation.ts"

export const ACTIONS = [
  "read",
  "send",
  "edit_own",
  "delete_own",
  "delete_any",
  "react",
  "stop_answer",
  "regenerate_answer",
  "update",
  "invite",
  "leave",
  "close",
  "delete_conversation",
] as const
export type Action = (typeof ACTIONS)[number]

const EVERYBODY: ReadonlyArray<Action> = ["read", "react", "leave"]
const WRITER: ReadonlyArray<Action> = ["send", "edit_own", "delete_own", "stop_answer", "regenerate_answer"]
const MODERATOR: ReadonlyArray<Action> = ["delete_any", "invite"]
const ADMIN: ReadonlyArray<Action> = ["update", "close"]

const room = (memberWrites: boolean): Record<Role, ReadonlySet<Action>> => ({
  member: new Set([...EVERYBODY, ...(memberWrites ? WRITER : [])]),
  moderator: new Set([...EVERYBODY, ...WRITER, ...MODERATOR]),
  admin: new Set([...EVERYBODY, ...WRITER, ...MODERATOR, ...ADMIN]),
  owner: new Set([...EVERYBODY, ...WRITER, ...MODERATOR, ...ADMIN, "delete_conversation"]),
})

const NOBODY: ReadonlySet<Action> = new Set()
/** A session has one person, who owns it and the answers in it; nobody is invited and there is nothing to leave. */
const SESSION_OWNER: ReadonlySet<Action> = new Set(["read", "react", ...WRITER, "delete_any", ...ADMIN, "delete_conversation"])
/** Two equals for good: nobody moderates, invites, leaves or deletes the other's words. */
const DIRECT: ReadonlySet<Action> = new Set(["read", "react", ...WRITER])

export const ACCESS: Record<ConversationType, Record<Role, ReadonlySet<Action>>> = {
  session: { owner: SESSION_OWNER, admin: NOBODY, moderator: NOBODY, member: NOBODY },
  direct: { owner: DIRECT, admin: DIRECT, moderator: DIRECT, member: DIRECT },
  private: room(true),
  group: room(true),
  public: room(true),
  announcement: room(false),
}

/** What a conversation that has ended still allows. */
const AFTER_END: ReadonlySet<Action> = new Set([
  "read",
  "leave",
  "delete_conversation",
  "stop_answer",
  "delete_own",
  "delete_any",
])
/** What a muted member may not. */
const WHILE_MUTED: ReadonlySet<Action> = new Set(["read", "leave"])

export type Verdict =
  | "allowed"
  /** Not a member: answered as if the conversation did not exist. */
  | "hidden"
  | "denied"
  | "muted"
  | "ended"

export const decideAccess = (conversation: Conversation, member: Member | undefined, action: Action): Verdict => {
  if (!isJoined(member)) return "hidden"
  if (!ACCESS[conversation.type][member.role].has(action)) return "denied"
  if (conversation.status !== "active" && !AFTER_END.has(action)) return "ended"
  if (member.muted === true && !WHILE_MUTED.has(action)) return "muted"
  return "allowed"
}
