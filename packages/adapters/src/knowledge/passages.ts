/**
 * Cuts a Markdown file into passages: what stands under one heading, in pieces short enough to be quoted. A passage
 * knows where it came from, so that a reader can look it up.
 *
 * It reads the Markdown that handbooks are written in: headings, fenced code, lists, paragraphs, front matter. What
 * it does not know stays text.
 */

export interface Passage {
  /** The page's title, then the headings down to the passage. */
  readonly path: ReadonlyArray<string>
  /** Relative to the folder, with `/`. */
  readonly file: string
  /** The heading's anchor as Git hosts make it; empty before the first heading. */
  readonly anchor: string
  /** Markdown: paragraphs, list items and code blocks, in the order of the page. */
  readonly blocks: ReadonlyArray<string>
}

export interface Page {
  readonly title: string
  readonly passages: ReadonlyArray<Passage>
}

/** About what fits a screen of a chat. */
const MAX_PASSAGE = 1_200

const HEADING = /^ {0,3}(#{1,6})[ \t]+(\S.*)$/
const FENCE = /^ {0,3}(`{3,}|~{3,})/
const LIST_ITEM = /^\s*(?:[-*+]|\d{1,9}[.)])[ \t]+\S/

/** Ill-formed text, control characters and foreign line ends would travel into answers and their offsets. */
const cleaned = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\r\n?/g, "\n")
    // oxlint-disable-next-line no-control-regex -- control characters are what is removed here
    .replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u2028\u2029\uFEFF]/g, "")

const withoutComments = (text: string): string => {
  let kept = ""
  let from = 0
  for (;;) {
    const start = text.indexOf("<!--", from)
    const end = start < 0 ? -1 : text.indexOf("-->", start)
    if (end < 0) return kept + text.slice(from)
    kept += text.slice(from, start)
    from = end + "-->".length
  }
}

/** Front matter gives at most the title; it is no text to quote. */
const splitFrontMatter = (text: string): { readonly title: string | undefined; readonly body: string } => {
  const end = text.startsWith("---\n") ? text.indexOf("\n---\n", 3) : -1
  if (end < 0) return { title: undefined, body: text }
  const title = /^title:[ \t]*(\S.*)$/m.exec(text.slice(4, end + 1))?.[1]
  return { title: title?.replace(/^["'](.*)["']$/, "$1").trim(), body: text.slice(end + "\n---\n".length) }
}

/** A link of the page points nowhere in a chat, and a picture would be fetched by every reader: their words stay. */
const inline = (text: string): string =>
  text.replace(
    /(!?)\[([^[\]\n]*)\]\(([^()\s]*)(?:[ \t]+"[^"\n]*")?\)/g,
    (whole, picture: string, words: string, target: string) =>
      picture === "" && /^(?:https?:\/\/|mailto:)/i.test(target) ? whole : words,
  )

const plain = (heading: string): string =>
  inline(heading.replace(/[ \t]+#+[ \t]*$/, ""))
    .replace(/[`*]/g, "")
    .trim()

/** Letters, numbers, `-` and `_` in lower case; a repeated heading gets a number. */
const anchors = () => {
  const used = new Map<string, number>()
  return (heading: string): string => {
    const base = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-")
    const count = used.get(base) ?? 0
    used.set(base, count + 1)
    return count === 0 ? base : `${base}-${count}`
  }
}

/** Cuts a long text at line ends, else at spaces, else between characters. */
const cut = (text: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let rest = text
  while (rest.length > MAX_PASSAGE) {
    const head = rest.slice(0, MAX_PASSAGE).isWellFormed() ? MAX_PASSAGE : MAX_PASSAGE - 1
    const line = rest.lastIndexOf("\n", head)
    const space = rest.lastIndexOf(" ", head)
    const at = line > 0 ? line : space > 0 ? space : head
    parts.push(rest.slice(0, at))
    rest = rest.slice(at).replace(/^\s/, "")
  }
  return rest === "" ? parts : [...parts, rest]
}

/** Each piece of a code block is a code block again, or what follows would be shown as code. */
const pieces = (block: string): ReadonlyArray<string> => {
  const fence = FENCE.exec(block)?.[1]
  if (fence === undefined || block.length <= MAX_PASSAGE) return cut(block)
  const lines = block.split("\n")
  const closed = lines.at(-1)?.trim() === fence
  return cut(lines.slice(1, closed ? -1 : undefined).join("\n")).map((code) => `${lines[0]}\n${code}\n${fence}`)
}

interface Section {
  readonly path: ReadonlyArray<string>
  readonly anchor: string
  readonly blocks: Array<string>
}

const packed = (section: Section, file: string): ReadonlyArray<Passage> => {
  const passages: Array<Passage> = []
  let blocks: Array<string> = []
  let size = 0
  const flush = () => {
    if (blocks.length > 0) passages.push({ path: section.path, file, anchor: section.anchor, blocks })
    blocks = []
    size = 0
  }
  for (const block of section.blocks.flatMap(pieces)) {
    if (size + block.length > MAX_PASSAGE) flush()
    blocks.push(block)
    size += block.length
  }
  flush()
  return passages
}

/** `file` names the page where nothing in it does. */
export const readPage = (file: string, source: string): Page => {
  const { title, body } = splitFrontMatter(cleaned(source))
  const anchorOf = anchors()
  const sections: Array<Section> = [{ path: [], anchor: "", blocks: [] }]
  /** Headings above the current line, by level. */
  let open: ReadonlyArray<{ readonly level: number; readonly text: string }> = []
  let block: Array<string> = []
  let fence = ""

  const endBlock = () => {
    const text = block.join("\n").trimEnd()
    if (text.trim() !== "") sections.at(-1)?.blocks.push(FENCE.test(text) ? text : inline(text))
    block = []
  }
  for (const line of withoutComments(body).split("\n")) {
    if (fence !== "") {
      block.push(line)
      if (line.trim().startsWith(fence) && line.trim().replaceAll(fence.charAt(0), "") === "") {
        fence = ""
        endBlock()
      }
      continue
    }
    const opening = FENCE.exec(line)?.[1]
    const heading = opening === undefined ? HEADING.exec(line) : null
    if (opening !== undefined || heading !== null || line.trim() === "" || LIST_ITEM.test(line)) endBlock()
    if (heading !== null) {
      const level = (heading[1] as string).length
      const text = plain(heading[2] as string)
      open = [...open.filter((above) => above.level < level), { level, text }]
      sections.push({ path: open.map((above) => above.text), anchor: anchorOf(text), blocks: [] })
    } else if (line.trim() !== "") {
      block.push(line)
      fence = opening ?? ""
    }
  }
  endBlock()

  const first = sections.find((section) => section.path.length === 1)?.path[0]
  const page = title ?? first ?? cleaned(file.replace(/^.*\//s, "").replace(/\.md$/i, ""))
  const passages = sections.flatMap((section) => {
    const path = section.path[0] === page ? section.path : [page, ...section.path]
    return packed({ ...section, path }, file)
  })
  return { title: page, passages }
}
