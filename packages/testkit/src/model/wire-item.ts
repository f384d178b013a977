/**
 * Items as the model knows them: structural, so that it shares no code with what it judges. A stored item is a wire item, but
 * for reactions, of which the wire shows a projection.
 */
export interface WireItem {
  readonly id: string
  readonly kind: string
  readonly change: number
  /** Of messages. */
  readonly seq?: number
  readonly createdAt?: number
  readonly updatedAt?: number
  readonly author?: unknown
  readonly parts?: ReadonlyArray<{ readonly type: string; readonly text?: unknown }>
  readonly deleted?: unknown
  readonly answer?: AnswerPart
  /** Of members and conversations. */
  readonly status?: string
  readonly userId?: string
  /** Of reactions. */
  readonly messageId?: string
  readonly counts?: ReadonlyArray<{ readonly emoji: string; readonly count: number; readonly users: ReadonlyArray<string> }>
}

interface AnswerPart {
  readonly state: string
  readonly revision: number
}

/** What a log holds: reactions with everybody who reacted. */
export interface LoggedItem extends WireItem {
  readonly users?: { readonly [emoji: string]: ReadonlyArray<string> }
}

/** Of the users of an emoji the wire names this many. */
const NAMED_USERS = 20

/** The stored item as a client receives it. */
export const projected = (item: LoggedItem): WireItem => {
  if (item.kind !== "reactions" || item.users === undefined) return item
  const { users, ...rest } = item
  const counts = Object.entries(users).map(([emoji, all]) => ({ emoji, count: all.length, users: all.slice(0, NAMED_USERS) }))
  return { ...rest, counts }
}

/**
 * One text per content: keys in order, and reactions by emoji, because a store may give the emojis of a message back in another
 * order than they came.
 */
export const contentOf = (item: WireItem): string =>
  canonical(item.counts === undefined ? item : { ...item, counts: item.counts.toSorted((a, b) => (a.emoji < b.emoji ? -1 : 1)) })

/** JSON with the keys of every object in order. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )

const OPEN: ReadonlyArray<string> = ["pending", "streaming", "stopping"]

export const isOpenAnswer = (item: WireItem): boolean => item.answer !== undefined && OPEN.includes(item.answer.state)

export const isTerminalAnswer = (item: WireItem): boolean => item.answer !== undefined && !OPEN.includes(item.answer.state)

/** The words of a message. */
export const wordsOf = (item: WireItem): string =>
  (item.parts ?? []).map((part) => (part.type === "text" && typeof part.text === "string" ? part.text : "")).join("")
