import { describe, expect, it } from "vitest"
import { encodeBatch, encodeId } from "../src/http/event-stream.ts"
import { formatConversations, parseEvents } from "../src/http/sync-query.ts"

describe("frames as server-sent events", () => {
  const batch = { frames: ['{"type":"a"}', '{"text":"ü\\n\u2028"}'], length: 30, encodings: {} }

  it("are one event each, all in one piece", () => {
    expect(String(encodeBatch(batch))).toBe('data: {"type":"a"}\n\ndata: {"text":"ü\\n\u2028"}\n\n')
  })

  it("are encoded once, however often they are written", () => {
    expect(encodeBatch(batch)).toBe(encodeBatch(batch))
  })
})

describe("an id", () => {
  const lists: ReadonlyArray<ReadonlyArray<readonly [string, string | undefined]>> = [
    [["ses_a-B_9", "eP0c.12"]],
    [
      ["ses_a", undefined],
      ["room_b", "e.0"],
    ],
    [
      ["a\nid: x\r\ndata: {}", "e\n\n.1"],
      ["&c=ses_b%40+ #", " "],
      ["?\u2028&", undefined],
      ["ünï👩‍👩‍👧", "@&="],
    ],
  ]
  it.each(lists.map((list) => [JSON.stringify(list), list] as const))(
    "is one line, and names what it is made of: %s",
    (_title, list) => {
      const id = formatConversations(list)
      expect(String(encodeId(id))).toMatch(/^id: [!-~]+\n\n$/)
      const url = new URLSearchParams(list.map(([name]): [string, string] => ["c", name]))
      expect(parseEvents(url, 50, id)).toEqual({
        conversations: list.map(([conversationId, cursor]) =>
          cursor === undefined ? { conversationId } : { conversationId, cursor },
        ),
        answers: [],
      })
    },
  )
})
