/** What is held of one conversation: of every item the version with the greatest change, and the text of open answers. */
import type { ChangesFrame, LiveFrame, ReplyFrame, ServerFrame, WireItem } from "@parley/core/protocol"

export type Message = Extract<WireItem, { readonly kind: "message" }>

const FINAL = new Set(["complete", "failed", "interrupted", "blocked", "stopped"])

export const isFinal = ({ answer }: Message): boolean => answer === undefined || FINAL.has(answer.state)

const isLive = (frame: ServerFrame): frame is LiveFrame => "item" in frame

export const holdConversation = (id: string) => {
  let epoch: string | undefined
  let change = 0
  let items = new Map<string, WireItem>()
  /** A window that has not come whole. */
  let gathered = new Map<string, WireItem>()
  const texts = new Map<string, { revision: number; text: string }>()

  const put = (into: Map<string, WireItem>, item: WireItem): void => {
    const held = into.get(item.id)
    if (held === undefined || held.change < item.change) into.set(item.id, item)
  }

  const settleTexts = (): void => {
    for (const messageId of texts.keys()) if (!items.has(messageId)) texts.delete(messageId)
    for (const item of items.values()) {
      if (item.kind !== "message" || item.answer === undefined) continue
      const { revision } = item.answer
      if (isFinal(item)) texts.delete(item.id)
      else if ((texts.get(item.id)?.revision ?? -1) < revision) texts.set(item.id, { revision, text: "" })
    }
  }

  const takeWindow = (frame: ChangesFrame): void => {
    for (const item of frame.items) put(gathered, item)
    if (frame.more) return
    if (frame.epoch !== epoch) texts.clear()
    items = gathered
    gathered = new Map()
    epoch = frame.epoch
    change = frame.upTo
  }

  /** `gap`: something is missing, subscribe again. */
  const take = (frame: ServerFrame): "taken" | "gap" => {
    if (frame.type === "resync") gathered = new Map()
    else if (frame.type === "answer_delta" || frame.type === "answer_snapshot") {
      const held = texts.get(frame.messageId)
      if (held === undefined || frame.revision < held.revision) return "taken"
      const text = frame.revision > held.revision ? "" : held.text
      if (frame.offset > text.length) return "gap"
      if (frame.offset + frame.text.length >= text.length)
        texts.set(frame.messageId, { revision: frame.revision, text: text.slice(0, frame.offset) + frame.text })
      return "taken"
    } else if (frame.type === "changes") {
      if (frame.window !== undefined) takeWindow(frame)
      else if (frame.epoch !== epoch || frame.after > change) return "gap"
      else {
        for (const item of frame.items) put(items, item)
        change = Math.max(change, frame.upTo)
      }
    } else if (isLive(frame)) {
      if (epoch === undefined || frame.change > change + 1) return "gap"
      put(items, frame.item)
      change = Math.max(change, frame.change)
    }
    settleTexts()
    return "taken"
  }

  return {
    id,
    take,
    /** Older messages; of another epoch they are none of ours. */
    takeHistory: (reply: ReplyFrame): ReadonlyArray<Message> => {
      const messages = reply["messages"] as ReadonlyArray<Message>
      if (!String(reply["asOf"]).startsWith(`${epoch}.`)) return []
      for (const item of messages) put(items, item)
      settleTexts()
      return messages
    },
    /** What `subscribe` is asked, so that only what is missing comes. */
    whereWeAre: () => ({
      conversationId: id,
      ...(epoch === undefined ? {} : { cursor: `${epoch}.${change}` }),
      answers: Array.from(texts, ([messageId, { revision, text }]) => `${messageId}@${revision}.${text.length}`),
    }),
    messages: (): ReadonlyArray<Message> =>
      [...items.values()].filter((item) => item.kind === "message").toSorted((a, b) => a.seq - b.seq),
    textOf: (message: Message): { readonly revision: number; readonly text: string } =>
      texts.get(message.id) ?? {
        revision: message.answer?.revision ?? 0,
        text: message.parts.map((part) => (part.type === "text" ? part.text : "")).join(""),
      },
  }
}

export type HeldConversation = ReturnType<typeof holdConversation>
