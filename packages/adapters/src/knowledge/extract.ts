/**
 * The words of an answer: what the passages say, each with its origin, and nothing of the assistant's own but the frame.
 * Pure, so that the same folder and question give the same answer.
 */
import type { SourcePart } from "@parley/core"
import type { Hit } from "./passage-index.ts"
import type { Passage } from "./passages.ts"
import { wordsOf } from "./question.ts"
import type { Question, Term } from "./question.ts"

/** Of one passage. Three of them fit a screen and are read in a minute. */
const MAX_EXTRACT = 700
const MAX_TOPICS = 12

const sentences = new Intl.Segmenter("en", { granularity: "sentence" })
const LIST_ITEM = /^\s*(?:[-*+]|\d{1,9}[.)])\s/
const TABLE_QUOTE_OR_CODE = /^\s*(?:[|>]|`{3}|~{3})/

interface Unit {
  readonly text: string
  /** What stands between this unit and the one before it. */
  readonly glue: string
}

/** Sentences of paragraphs; list items, tables and code whole. */
const unitsOf = (blocks: ReadonlyArray<string>): ReadonlyArray<Unit> =>
  blocks.flatMap((block, index) => {
    const isItem = LIST_ITEM.test(block)
    const glue = isItem && index > 0 && LIST_ITEM.test(blocks[index - 1] as string) ? "\n" : "\n\n"
    if (isItem || TABLE_QUOTE_OR_CODE.test(block)) return [{ text: block, glue }]
    return Array.from(sentences.segment(block), ({ segment }, nth) => ({ text: segment.trim(), glue: nth === 0 ? glue : " " }))
  })

/** Two forms of one word, roughly: the index judged precisely, this only picks sentences. */
const akin = (a: string, b: string): boolean => {
  const shared = Math.min(a.length, b.length)
  if (shared < 3) return a === b
  const needed = shared <= 4 ? shared : Math.max(4, shared - 2)
  return Math.abs(a.length - b.length) <= 4 && a.slice(0, needed) === b.slice(0, needed)
}

/** Two letters of an unspaced script stand inside their words; other terms are words. */
const matches = (text: string, words: ReadonlyArray<string>, { word }: Term): boolean =>
  words.some((other) => akin(other, word)) || (/[^\p{Script=Latin}\p{N}]/u.test(word) && text.includes(word))

/** The passage whole when it is short, else its best sentences in their own order. */
const extractOf = (passage: Passage, terms: ReadonlyArray<Term>): string => {
  const units = unitsOf(passage.blocks)
  const ranked = units
    .map((unit, index) => {
      const words = wordsOf(unit.text)
      return { index, length: unit.text.length, rank: terms.filter((term) => matches(unit.text, words, term)).length }
    })
    // The first sentence says what the passage is about.
    .toSorted((a, b) => b.rank + (b.index === 0 ? 0.5 : 0) - (a.rank + (a.index === 0 ? 0.5 : 0)) || a.index - b.index)
  const chosen = new Set<number>()
  let size = 0
  for (const { index, length } of ranked)
    if (size === 0 || size + length <= MAX_EXTRACT) {
      chosen.add(index)
      size += length
    }
  let text = ""
  let last = -1
  for (const index of [...chosen].toSorted((a, b) => a - b)) {
    const unit = units[index] as Unit
    // A gap inside a paragraph is shown: a quotation says where it leaves something out.
    const glue = unit.glue === " " && index !== last + 1 ? (text === "" ? "… " : " … ") : unit.glue
    text += text === "" && glue !== "… " ? unit.text : glue + unit.text
    last = index
  }
  return text
}

const titleOf = (passage: Passage): string => passage.path.join(" › ")

const uriOf = (passage: Passage): string =>
  passage.file.toWellFormed().split("/").map(encodeURIComponent).join("/") +
  (passage.anchor === "" ? "" : `#${encodeURIComponent(passage.anchor)}`)

/** Headings are the folder's text inside the frame's Markdown: they must not open marks of their own. */
const quoted = (text: string): string => text.replace(/[\\`*_[\]<>]/g, "\\$&")

export const answerOf = (hits: ReadonlyArray<Hit>, terms: ReadonlyArray<Term>): string => {
  const intro = hits.length === 1 ? "This is what the knowledge base says:" : "These passages of the knowledge base fit best:"
  const passages = hits.map(
    ({ passage }) => `${extractOf(passage, terms)}\n\n— *${quoted(titleOf(passage))}* (${quoted(uriOf(passage))})`,
  )
  return [intro, ...passages].join("\n\n")
}

export const sourcesOf = (hits: ReadonlyArray<Hit>): ReadonlyArray<SourcePart> =>
  hits.map(({ passage, score }) => ({
    type: "source",
    title: titleOf(passage),
    uri: uriOf(passage),
    score: Number(score.toPrecision(6)),
  }))

/** Says what can be asked; makes nothing up. */
export const topicsOf = (titles: ReadonlyArray<string>, { terms, greeting }: Question): string => {
  if (titles.length === 0) return "The knowledge base is empty, so there is nothing yet that I could answer."
  const start =
    terms.length > 0
      ? "The knowledge base has no passage that answers this."
      : `${greeting ? "Hello. " : ""}I answer from a knowledge base, in its own words.`
  const shown = titles.slice(0, MAX_TOPICS).map((title) => `- ${quoted(title)}`)
  const more = titles.length > MAX_TOPICS ? [`- and ${titles.length - MAX_TOPICS} more`] : []
  return `${start} It covers these topics:\n\n${[...shown, ...more].join("\n")}\n\nAsk about one of them, in a few plain words.`
}
