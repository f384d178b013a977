// What this page holds of one conversation. The rule is the server's: of every item the version with the greatest `change`, and of an
// open answer the text of its greatest revision. Frames may come twice or overlap; one that skips something is a gap, and the caller
// subscribes again from `cursorOf` and `heldAnswers`.

const OPEN = new Set(["pending", "streaming", "stopping"])

export const isOpenAnswer = (item) => item.kind === "message" && item.answer !== undefined && OPEN.has(item.answer.state)

export const emptyConversation = (id) => ({
  id,
  /** Absent until a window has come. */
  epoch: undefined,
  change: 0,
  items: new Map(),
  /** Text of open answers, by message id. */
  texts: new Map(),
  /** The oldest message held, and the oldest there is. */
  from: 1,
  firstSeq: 1,
  /** A window comes in pages; it replaces what is held once its last page is here. */
  gathering: undefined,
})

export const cursorOf = (held) => (held.epoch === undefined ? undefined : `${held.epoch}.${held.change}`)

/** `messageId@revision.length` of every open answer whose text is held. */
export const heldAnswers = (held) => [...held.texts].map(([id, { revision, text }]) => `${id}@${revision}.${text.length}`)

export const textOf = (held, message) =>
  isOpenAnswer(message)
    ? (held.texts.get(message.id)?.text ?? "")
    : message.parts.reduce((text, part) => (part.type === "text" ? text + part.text : text), "")

/** Of the answers to one message only the newest is shown. */
export const shownMessages = (held) => {
  const newest = new Map()
  for (const { kind, answer } of held.items.values())
    if (kind === "message" && answer !== undefined)
      newest.set(answer.turn, Math.max(answer.variant, newest.get(answer.turn) ?? 0))
  return [...held.items.values()]
    .filter(
      (item) => item.kind === "message" && (item.answer === undefined || item.answer.variant === newest.get(item.answer.turn)),
    )
    .sort((a, b) => a.seq - b.seq)
}

const put = (items, texts, item) => {
  const before = items.get(item.id)
  if (before !== undefined && before.change >= item.change) return
  items.set(item.id, item)
  if (item.kind !== "message" || item.answer === undefined) return
  if (!isOpenAnswer(item)) return void texts.delete(item.id)
  const text = texts.get(item.id)
  if (text === undefined || text.revision < item.answer.revision) texts.set(item.id, { revision: item.answer.revision, text: "" })
}

const applyWindow = (held, frame) => {
  // Of the same history nothing held is given up before the whole window is here.
  if (held.gathering === undefined || held.gathering.upTo !== frame.upTo || held.gathering.epoch !== frame.epoch)
    held.gathering = { epoch: frame.epoch, upTo: frame.upTo, items: new Map(), texts: new Map() }
  const { gathering } = held
  for (const item of frame.items) put(gathering.items, gathering.texts, item)
  if (frame.more) return "same"
  if (held.epoch === frame.epoch)
    // Text of an answer that is still open goes on where it stands.
    for (const [id, text] of gathering.texts) {
      const before = held.texts.get(id)
      if (before !== undefined && before.revision >= text.revision) gathering.texts.set(id, before)
    }
  Object.assign(held, {
    epoch: frame.epoch,
    change: frame.upTo,
    items: gathering.items,
    texts: gathering.texts,
    from: frame.window.from,
    firstSeq: frame.firstSeq,
    gathering: undefined,
  })
  return "changed"
}

const applyChanges = (held, frame) => {
  if (frame.window !== undefined) return applyWindow(held, frame)
  if (frame.epoch !== held.epoch || frame.after > held.change) return "gap"
  for (const item of frame.items) put(held.items, held.texts, item)
  held.change = Math.max(held.change, frame.upTo)
  held.firstSeq = frame.firstSeq
  return "changed"
}

const applyLive = (held, { change, item }) => {
  if (held.epoch === undefined || change > held.change + 1) return "gap"
  put(held.items, held.texts, item)
  held.change = Math.max(held.change, change)
  return "changed"
}

const applyText = (held, { messageId, revision, offset, text }) => {
  const item = held.items.get(messageId)
  if (item === undefined || !isOpenAnswer(item)) return "same"
  const before = held.texts.get(messageId)
  if (before !== undefined && revision < before.revision) return "same"
  const known = before !== undefined && revision === before.revision ? before.text : ""
  if (offset > known.length) return "gap"
  if (offset + text.length <= known.length) return "same"
  held.texts.set(messageId, { revision, text: known + text.slice(known.length - offset) })
  return "changed"
}

/** @returns {"changed" | "same" | "gap" | "gone"} */
export const applyFrame = (held, frame) => {
  switch (frame.type) {
    case "changes":
      return applyChanges(held, frame)
    case "answer_delta":
    case "answer_snapshot":
      return applyText(held, frame)
    case "resync":
      held.gathering = undefined
      return "same"
    case "unsubscribed":
      return frame.code === "conversation_not_found" ? "gone" : "gap"
    default:
      // Six types of live frames are one upsert; what this page does not know has no item.
      return frame.item === undefined ? "same" : applyLive(held, frame)
  }
}

/** A page of older messages. What is held in a newer version stays. */
export const applyHistory = (held, page) => {
  if (!page.asOf.startsWith(`${held.epoch}.`)) return "gap"
  for (const item of [...page.messages, ...page.reactions]) put(held.items, held.texts, item)
  const seqs = page.messages.map((message) => message.seq)
  if (seqs.length > 0) held.from = Math.min(held.from, ...seqs)
  if (!page.hasMore) held.from = page.firstSeq
  held.firstSeq = page.firstSeq
  return "changed"
}

/** Whether older messages can be fetched. */
export const hasOlder = (held) => held.epoch !== undefined && held.from > held.firstSeq
