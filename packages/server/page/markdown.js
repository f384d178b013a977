// The little of Markdown that answers use, as DOM nodes. Text only ever becomes text: nothing here parses HTML, and a link leads to
// http or https or stays text.

const element = (tag, ...children) => {
  const node = document.createElement(tag)
  node.append(...children)
  return node
}

const link = (href, ...children) => {
  const node = element("a", ...children)
  node.href = href
  node.rel = "noopener noreferrer"
  node.target = "_blank"
  return node
}

/** The address when it is one to follow, else nothing. */
export const safeUrl = (text) => {
  try {
    const url = new URL(text)
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined
  } catch {
    return undefined
  }
}

const NEXT = /[`*_[]|https?:\/\//g
const BARE_URL = /^https?:\/\/[^\s<>"'`]+/

/** @returns {Array<Node | string>} */
const inline = (text) => {
  const nodes = []
  let from = 0
  let plain = 0
  // A mark that is not closed once is not closed later either; without this, a text full of marks would be searched again and again.
  const missing = new Set()
  const find = (mark, start) => {
    if (missing.has(mark)) return -1
    const at = text.indexOf(mark, start)
    if (at === -1) missing.add(mark)
    return at
  }
  const take = (end, node) => {
    if (plain < from) nodes.push(text.slice(plain, from))
    nodes.push(node)
    from = plain = end
  }
  for (;;) {
    NEXT.lastIndex = from
    const match = NEXT.exec(text)
    if (match === null) break
    from = match.index
    const mark = match[0]
    if (mark === "`") {
      const end = find("`", from + 1)
      if (end > from + 1) {
        take(end + 1, element("code", text.slice(from + 1, end)))
        continue
      }
    } else if (mark === "*" || mark === "_") {
      const double = text.startsWith(mark + mark, from)
      const marks = double ? mark + mark : mark
      const begin = from + marks.length
      const end = find(marks, begin)
      // snake_case and 2 * 3 are no emphasis.
      const inWord = mark === "_" && (/\w/.test(text[from - 1] ?? "") || /\w/.test(text[end + marks.length] ?? ""))
      if (end > begin && !inWord && !/\s/.test(text[begin]) && !/\s/.test(text[end - 1])) {
        take(end + marks.length, element(double ? "strong" : "em", ...inline(text.slice(begin, end))))
        continue
      }
    } else if (mark === "[") {
      const middle = find("](", from + 1)
      const end = middle === -1 ? -1 : find(")", middle + 2)
      if (end !== -1) {
        const href = safeUrl(text.slice(middle + 2, end))
        const label = text.slice(from + 1, middle)
        if (!label.includes("[") && !label.includes("\n")) {
          take(end + 1, href === undefined ? element("span", label) : link(href, label))
          continue
        }
      }
    } else {
      const [found] = BARE_URL.exec(text.slice(from, from + 2_048)) ?? [""]
      // A sentence ends after the address, not in it.
      const address = found.replace(/[.,;:!?)\]]+$/, "")
      const href = safeUrl(address)
      if (href !== undefined) {
        take(from + address.length, link(href, address))
        continue
      }
    }
    from += mark.length
  }
  if (plain < text.length) nodes.push(text.slice(plain))
  return nodes
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/
const ITEM = /^(\s*)(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/
const QUOTE = /^ {0,3}>\s?(.*)$/
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/

const kindOf = (line) =>
  FENCE.test(line)
    ? "fence"
    : HEADING.test(line)
      ? "heading"
      : RULE.test(line)
        ? "rule"
        : ITEM.test(line)
          ? "list"
          : QUOTE.test(line)
            ? "quote"
            : line.trim() === ""
              ? "blank"
              : "text"

/** Source texts of the blocks, each of one kind. */
const blocksOf = (text) => {
  const blocks = []
  const lines = text.split("\n")
  for (let i = 0; i < lines.length;) {
    const kind = kindOf(lines[i])
    const start = i
    i += 1
    if (kind === "blank") continue
    if (kind === "fence") {
      const [, fence] = FENCE.exec(lines[start])
      while (i < lines.length && !lines[i].trim().startsWith(fence)) i += 1
      i += 1
    } else if (kind === "list")
      while (i < lines.length && (kindOf(lines[i]) === "list" || (kindOf(lines[i]) === "text" && /^\s{2}/.test(lines[i])))) i += 1
    else if (kind === "quote" || kind === "text") while (i < lines.length && kindOf(lines[i]) === kind) i += 1
    blocks.push({ kind, source: lines.slice(start, i).join("\n") })
  }
  return blocks
}

const listOf = (source) => {
  const items = []
  for (const line of source.split("\n")) {
    const match = ITEM.exec(line)
    if (match === null) items.at(-1).text += `\n${line.trim()}`
    else items.push({ text: match[4], ordered: match[3] !== undefined, number: Number(match[3]) })
  }
  const ordered = items[0].ordered
  const list = element(ordered ? "ol" : "ul", ...items.map(({ text }) => element("li", ...inline(text))))
  if (ordered && items[0].number !== 1) list.start = items[0].number
  return list
}

const nodeOf = ({ kind, source }) => {
  switch (kind) {
    case "fence": {
      const lines = source.split("\n")
      const closed = lines.length > 1 && FENCE.test(lines.at(-1))
      return element("pre", element("code", lines.slice(1, closed ? -1 : undefined).join("\n")))
    }
    case "heading":
      return element("p", element("strong", ...inline(HEADING.exec(source)[2].replace(/\s+#+\s*$/, ""))))
    case "rule":
      return element("hr")
    case "list":
      return listOf(source)
    case "quote":
      return element(
        "blockquote",
        ...inline(
          source
            .split("\n")
            .map((line) => QUOTE.exec(line)[1])
            .join("\n"),
        ),
      )
    default:
      return element("p", ...inline(source))
  }
}

const shown = new WeakMap()

/** Shows `text` in `container`. Blocks that did not change keep their nodes: a growing answer costs its last block only. */
export const showMarkdown = (container, text) => {
  const before = shown.get(container) ?? []
  const blocks = blocksOf(text)
  let same = 0
  while (same < before.length && same < blocks.length && before[same].source === blocks[same].source) same += 1
  for (const { node } of before.slice(same)) node.remove()
  const fresh = blocks.slice(same).map((block) => ({ source: block.source, node: nodeOf(block) }))
  container.append(...fresh.map(({ node }) => node))
  shown.set(container, [...before.slice(0, same), ...fresh])
}
