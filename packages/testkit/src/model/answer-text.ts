/**
 * The text of the open answers that a client shows. Within a revision it only grows, and whatever overlaps must agree; a greater
 * revision begins anew; a lesser one is late and means nothing.
 */
import type { TextFrame } from "./model-frame.ts"
import { type Violation, violation } from "./violation.ts"
import { isTerminalAnswer, type WireItem, wordsOf } from "./wire-item.ts"

export interface AnswerText {
  readonly revision: number
  readonly text: string
}

export type TextStep =
  | { readonly type: "shown"; readonly text: AnswerText }
  /** The frame begins beyond what is held: only subscribing again brings what lies between. */
  | { readonly type: "gap" }
  | { readonly type: "ignored" }
  | { readonly type: "broken"; readonly violation: Violation }

/** A piece of text, by delta or snapshot: both are the same to a reader. */
export const addText = (held: AnswerText | undefined, frame: TextFrame): TextStep => {
  // Only the first part streams; parts of later protocols are skipped.
  if (frame.part !== 0) return { type: "ignored" }
  if (!frame.text.isWellFormed())
    return broken("text_ill_formed", "a piece of text begins or ends inside a surrogate pair", frame.messageId)
  if (held !== undefined && frame.revision < held.revision) return { type: "ignored" }
  const before = held?.revision === frame.revision ? held.text : ""
  if (frame.offset > before.length) return { type: "gap" }
  const overlap = before.slice(frame.offset, frame.offset + frame.text.length)
  if (!frame.text.startsWith(overlap))
    return broken("text_diverges", `revision ${frame.revision} says two things at offset ${frame.offset}`, frame.messageId)
  return { type: "shown", text: { revision: frame.revision, text: before + frame.text.slice(overlap.length) } }
}

const broken = (kind: Violation["kind"], detail: string, itemId: string): TextStep => ({
  type: "broken",
  violation: violation(kind, detail, itemId),
})

/** What the item of an answer says about the text shown of it: the text that remains open, or what contradicts. */
export const settleText = (held: AnswerText, item: WireItem): { readonly text?: AnswerText; readonly found?: Violation } => {
  if (item.answer === undefined) return { text: held }
  const { revision } = item.answer
  if (!isTerminalAnswer(item)) return { text: revision > held.revision ? { revision, text: "" } : held }
  if (item.deleted !== undefined) return {}
  if (revision < held.revision)
    return { found: violation("revision_backwards", `ends with revision ${revision} after ${held.revision} was shown`, item.id) }
  if (revision === held.revision && !wordsOf(item).startsWith(held.text))
    return { found: violation("text_diverges", `what was shown of revision ${revision} is no prefix of how it ended`, item.id) }
  return {}
}
