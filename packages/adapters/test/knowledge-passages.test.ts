import { describe, expect, test } from "vitest"
import { readPage } from "../src/knowledge/passages.ts"

const shape = (source: string, file = "page.md") =>
  readPage(file, source).passages.map(({ path, anchor, blocks }) => ({
    at: `${path.join(" / ")}#${anchor}`,
    text: blocks.join("\n\n"),
  }))

describe("readPage", () => {
  test("cuts at headings and names the way down to each passage", () => {
    expect(shape("# Boats\n\nAll boats.\n\n## Sails\nCloth.\n### Main `sail`\nBig.\n## Oars ##\nWood.")).toEqual([
      { at: "Boats#boats", text: "All boats." },
      { at: "Boats / Sails#sails", text: "Cloth." },
      { at: "Boats / Sails / Main sail#main-sail", text: "Big." },
      { at: "Boats / Oars#oars", text: "Wood." },
    ])
  })

  test("numbers repeated anchors and keeps letters of every script in them", () => {
    expect(shape("# A\nx\n## Hilfe, bitte!\nx\n## Hilfe bitte\nx\n## Как начать?\nx\n## 会話\nx").map(({ at }) => at)).toEqual([
      "A#a",
      "A / Hilfe, bitte!#hilfe-bitte",
      "A / Hilfe bitte#hilfe-bitte-1",
      "A / Как начать?#как-начать",
      "A / 会話#会話",
    ])
  })

  test("takes the title from the front matter, else the first heading, else the file", () => {
    expect(readPage("a.md", '---\ntitle: "Boats"\ntags: x\n---\nText.')).toMatchObject({
      title: "Boats",
      passages: [{ path: ["Boats"], blocks: ["Text."] }],
    })
    expect(readPage("a.md", "Text.\n\n## Sails\nCloth.").title).toBe("Sails")
    expect(readPage("a.md", "# Ships\nText.").title).toBe("Ships")
    expect(readPage("deep/down/boats.MD", "Text.").title).toBe("boats")
  })

  test("takes no heading from inside a code block and leaves code as it is", () => {
    const code = "```md\n# no heading\n\n[link](page.md)\n- no item\n~~~\n```"
    expect(shape(`# A\n${code}\nafter`)).toEqual([{ at: "A#a", text: `${code}\n\nafter` }])
  })

  test("keeps a code block that is never closed", () => {
    expect(shape("# A\n```\n# still code")).toEqual([{ at: "A#a", text: "```\n# still code" }])
  })

  test("keeps links of the web, and of others and of pictures the words", () => {
    expect(
      shape(
        "# A\nSee [limits](limits.md), [us](https://x.example/a), [odd](javascript:alert) and ![a boat](https://x.example/i.png).",
      )[0]?.text,
    ).toBe("See limits, [us](https://x.example/a), odd and a boat.")
  })

  test("removes comments, control characters, NUL and foreign line ends, and repairs broken Unicode", () => {
    expect(shape("\uFEFF# A\r\n<!-- not\r\n\r\n## this -->b\u0000c\u0007d\u009b \ud800e\r\n")).toEqual([
      { at: "A#a", text: "bcd \uFFFDe" },
    ])
  })

  test("cuts long sections between blocks, long blocks between words, and never inside a character", () => {
    const words = `${"word ".repeat(1_000)}`
    const parrots = "🦜".repeat(2_000)
    const passages = readPage("a.md", `# A\n${words}\n\n${parrots}\n\nshort\n\nshort`).passages
    for (const { blocks, anchor } of passages) {
      expect(anchor).toBe("a")
      expect(blocks.join("\n\n").length).toBeLessThanOrEqual(1_210)
      expect(blocks.join("").isWellFormed()).toBe(true)
    }
    const all = passages.flatMap(({ blocks }) => blocks).join("")
    expect(all.match(/word/g)).toHaveLength(1_000)
    expect(all.match(/🦜/gu)).toHaveLength(2_000)
  })

  test("makes each piece of a long code block a code block", () => {
    const code = Array.from({ length: 300 }, (_, n) => `line ${n}`)
    const passages = readPage("a.md", `# A\n\`\`\`sh\n${code.join("\n")}\n\`\`\``).passages
    expect(passages.length).toBeGreaterThan(1)
    for (const { blocks } of passages) expect(blocks.join("\n")).toMatch(/^```sh\nline[^`]*\n```$/)
    expect(passages.flatMap(({ blocks }) => blocks.join("\n").match(/line \d+/g))).toEqual(code)
  })

  test.each(["", "\n\n", "# Only a heading", "## \n###", "---\n", "---\ntitle:\n---\n", "<!-- open", "```", "\0"])(
    "finds nothing wrong with %j",
    (source) => {
      expect(() => readPage("a.md", source)).not.toThrow()
    },
  )
})
