/**
 * Ids are a prefix and at least 122 random bits, never reused. The prefix of an item's id tells
 * its kind, so that a map of items needs one key.
 */
export const ID_PREFIX = {
  session: "ses_",
  room: "room_",
  message: "msg_",
  reactions: "rea_",
  member: "mem_",
} as const

/** A message has at most one `reactions` item, so its id follows from the message's. */
export const reactionsIdOf = (messageId: string): string => ID_PREFIX.reactions + messageId.slice(ID_PREFIX.message.length)

/** The message that a `reactions` item belongs to. */
export const messageIdOfReactions = (reactionsId: string): string =>
  ID_PREFIX.message + reactionsId.slice(ID_PREFIX.reactions.length)

/** A user has at most one `member` item per conversation. */
export const memberIdOf = (userId: string): string => ID_PREFIX.member + userId
