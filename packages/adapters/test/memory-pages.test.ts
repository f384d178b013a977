/** That a page costs what it holds, counted in the elements that reading it touches. */
import { describe, expect, it } from "vitest"
import { emptyHead, newMessage, noReactions, type Item, type Message } from "@parley/core"
import { emptyState, store, type ConversationState } from "../src/memory/conversation-state.ts"
import { changesPage, historyPage } from "../src/memory/pages.ts"

const MESSAGES = 100_000
const stamps = (change: number) => ({ change, createdAt: 0, updatedAt: 0 })
const message = (seq: number, change = seq): Message => ({
  ...newMessage({ id: `msg_${seq}`, author: { kind: "user", id: "ann" }, type: "text", parts: [] }),
  ...stamps(change),
  seq,
})

const filled = (items: Iterable<Item>): ConversationState => {
  const state = emptyState(emptyHead("acme", "room_1", "e1", 0))
  for (const item of items) {
    store(state, item)
    state.head = {
      ...state.head,
      change: item.change,
      seq: item.kind === "message" ? Math.max(state.head.seq, item.seq) : state.head.seq,
    }
  }
  return state
}

/** The same state, with its long arrays behind a counter of the elements that are read. */
const counted = (state: ConversationState) => {
  const touched = { count: 0 }
  const watch = <A>(array: Array<A>): Array<A> =>
    new Proxy(array, {
      get: (target, name) => {
        if (typeof name === "string" && /^\d+$/u.test(name)) touched.count += 1
        return Reflect.get(target, name) as unknown
      },
    })
  return { touched, state: { ...state, versions: watch(state.versions), messages: watch(state.messages) } }
}

function* long() {
  for (let seq = 1; seq <= MESSAGES; seq++) yield message(seq)
}

const bounds = { limit: 50, maxBytes: 1_000_000 }
/** Two to the seventeenth is the next power above the number of messages. */
const SEARCH = 17

describe("a conversation of 100,000 messages", () => {
  const log = filled(long())

  it.each([
    { what: "the last three changes", after: MESSAGES - 3, items: 3 },
    { what: "a page from the middle", after: 50_000, items: 50 },
    { what: "the first page", after: 0, items: 50 },
    { what: "nothing new", after: MESSAGES, items: 0 },
  ])("finds $what by binary search", ({ after, items }) => {
    const { state, touched } = counted(log)
    expect(changesPage(state, after, bounds).items.length).toBe(items)
    expect(touched.count).toBeLessThanOrEqual(SEARCH + items + 1)
  })

  it.each([
    { what: "the last 50", position: { before: MESSAGES + 1 } },
    { what: "50 in the middle", position: { before: 50_000 } },
    { what: "50 from the middle on", position: { from: 50_000 } },
  ])("finds $what without a search", ({ position }) => {
    const { state, touched } = counted(log)
    expect(historyPage(state, position, bounds).messages.length).toBe(50)
    expect(touched.count).toBeLessThanOrEqual(51)
  })
})

describe("a conversation whose items change again and again", () => {
  it("keeps no more versions than twice its items and a few", () => {
    function* edits() {
      for (let seq = 1; seq <= 100; seq++) yield message(seq)
      for (let change = 101; change <= 20_000; change++) yield message(1 + (change % 100), change)
    }
    const state = filled(edits())
    expect(state.versions.length).toBeLessThanOrEqual(200)
    const { items, more } = changesPage(state, 0, { limit: 1_000, maxBytes: 1_000_000 })
    expect([items.length, more, items[0]?.change, items.at(-1)?.change]).toEqual([100, false, 19_901, 20_000])
  })

  it("reads past replaced versions of one busy item", () => {
    function* busy() {
      for (let seq = 1; seq <= 1_000; seq++) yield message(seq)
      for (let change = 1_001; change <= 1_900; change++) yield { ...noReactions("msg_1"), ...stamps(change) }
    }
    const state = filled(busy())
    expect(changesPage(state, 1_000, bounds).items.map((item) => item.change)).toEqual([1_900])
    expect(historyPage(state, { from: 1 }, { ...bounds, limit: 1 }).reactions.map((item) => item.change)).toEqual([1_900])
  })
})
