/**
 * The text of the open answers of one conversation, as this node has seen it. Plain and synchronous.
 *
 * A delta that goes on where the text ends extends it; overlap is cut; one that lies ahead is held until the gap is filled from a stored
 * checkpoint. Closed answers take nothing: their text stands in the log.
 */
import type { Item } from "../domain/item.ts"
import { isOpen } from "../domain/answer.ts"
import type { OpenAnswer } from "../ports/answer-leases.ts"
import type { AnswerDelta } from "../ports/event-bus.ts"

export interface BookedAnswer {
  readonly revision: number
  readonly text: string
}

interface Entry {
  revision: number
  text: string
  /** Deltas of this revision that lie ahead of the text. */
  held: Array<AnswerDelta>
}

export interface AnswerBook {
  /** What readers have to be told, in order; empty when the delta brought nothing, or lies ahead. */
  readonly applyDelta: (delta: AnswerDelta) => ReadonlyArray<AnswerDelta>
  readonly applyItem: (item: Item) => void
  readonly applyCheckpoints: (open: ReadonlyArray<OpenAnswer>) => ReadonlyArray<AnswerDelta>
  /** Whether some delta waits for a checkpoint. */
  readonly hasGap: () => boolean
  readonly open: () => ReadonlyMap<string, BookedAnswer>
}

/** Ended answers whose names are kept, so that a checkpoint read before the end does not open them again. */
const MAX_ENDED = 256

/** Beyond this many an answer's held deltas are dropped: the checkpoint brings their text. */
const MAX_HELD = 256

export const makeAnswerBook = (): AnswerBook => {
  const entries = new Map<string, Entry>()
  const ended = new Set<string>()

  const extend = (entry: Entry, answer: string, offset: number, text: string): AnswerDelta | undefined => {
    const end = offset + text.length
    if (end <= entry.text.length) return undefined
    const from = entry.text.length
    const fresh = text.slice(from - offset)
    entry.text += fresh
    return { answer, revision: entry.revision, part: 0, offset: from, text: fresh }
  }

  const settle = (entry: Entry): Array<AnswerDelta> => {
    const told: Array<AnswerDelta> = []
    while (entry.held.length > 0) {
      const next = entry.held.findIndex((delta) => delta.offset <= entry.text.length)
      if (next === -1) break
      const [delta] = entry.held.splice(next, 1) as [AnswerDelta]
      const fresh = extend(entry, delta.answer, delta.offset, delta.text)
      if (fresh !== undefined) told.push(fresh)
    }
    return told
  }

  const restart = (entry: Entry, revision: number): void => {
    entry.revision = revision
    entry.text = ""
    entry.held = []
  }

  return {
    applyDelta: (delta) => {
      const entry = entries.get(delta.answer)
      if (entry === undefined || delta.revision < entry.revision) return []
      if (delta.revision > entry.revision) restart(entry, delta.revision)
      if (delta.offset > entry.text.length) {
        if (entry.held.length < MAX_HELD) entry.held.push(delta)
        return []
      }
      const fresh = extend(entry, delta.answer, delta.offset, delta.text)
      return fresh === undefined ? [] : entry.held.length === 0 ? [fresh] : [fresh, ...settle(entry)]
    },
    applyItem: (item) => {
      if (item.kind !== "message" || item.answer === undefined) return
      if (!isOpen(item.answer.state)) {
        entries.delete(item.id)
        ended.add(item.id)
        if (ended.size > MAX_ENDED) ended.delete(ended.values().next().value as string)
        return
      }
      const entry = entries.get(item.id)
      if (entry === undefined) entries.set(item.id, { revision: item.answer.revision, text: "", held: [] })
      else if (item.answer.revision > entry.revision) restart(entry, item.answer.revision)
    },
    applyCheckpoints: (open) => {
      const told: Array<AnswerDelta> = []
      for (const { answer, checkpoint } of open) {
        if (ended.has(answer)) continue
        let entry = entries.get(answer)
        if (entry === undefined) entries.set(answer, (entry = { revision: 0, text: "", held: [] }))
        if (checkpoint.revision < entry.revision) continue
        if (checkpoint.revision > entry.revision) restart(entry, checkpoint.revision)
        const fresh = extend(entry, answer, 0, checkpoint.text)
        if (fresh !== undefined) told.push(fresh)
        told.push(...settle(entry))
      }
      return told
    },
    hasGap: () => {
      for (const entry of entries.values()) if (entry.held.length > 0) return true
      return false
    },
    open: () => entries,
  }
}
