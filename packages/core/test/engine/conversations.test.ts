/** Sessions and rooms as such: their lists, their histories, their ends. */
import * as Exit from "effect/Exit"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Listings } from "../../src/engine/conversations.ts"
import { ann as asker, codeOf, makeAsking } from "../support/asking.ts"
import { makeCluster, user } from "../support/cluster.ts"
import { conversationOf } from "../support/conversations.ts"
import { ann, ben, makeRoom, olga, send } from "../support/room.ts"

/** Shorter than a day of the defaults: a simulated month of ticks takes its time. */
const DAY = 4_000
const EXPIRY = { sessionExpiry: 30 * DAY, sweepInterval: DAY / 8 }

describe("a session that nobody sends to", () => {
  it("expires after its time, and one that was closed before stays closed", () => {
    const cluster = makeCluster({ timing: EXPIRY })
    const { sim, store } = cluster
    const nodes = [cluster.start(), cluster.start()]
    const create = () => sim.run(nodes[0]!.engine.createSession(asker, {}), nodes[0]!.process).conversationId
    const [idle, used, closed] = [create(), create(), create()]
    sim.run(nodes[0]!.engine.closeConversation(asker, { conversationId: closed }), nodes[0]!.process)
    sim.advance(29 * DAY)
    sim.run(
      nodes[0]!.engine.sendMessage(asker, { conversationId: used, clientMessageId: "c", text: "still here" }),
      nodes[0]!.process,
    )
    sim.advance(DAY / 2)
    expect([idle, used, closed].map((id) => conversationOf(sim, store, id).status)).toEqual(["active", "active", "closed"])
    sim.advance(DAY)
    expect([idle, used, closed].map((id) => conversationOf(sim, store, id).status)).toEqual(["expired", "active", "closed"])
    const facts = sim.run(store.outbox.read(0, 100)).filter(({ type }) => type === "conversation_expired")
    expect(facts.map(({ conversation }) => conversation)).toEqual([idle])
    const late = sim.exit(
      nodes[1]!.engine.sendMessage(asker, { conversationId: idle, clientMessageId: "c", text: "late" }),
      nodes[1]!.process,
    )
    expect(codeOf(late)).toBe("conversation_expired")
    expect(Exit.isSuccess(sim.exit(nodes[1]!.engine.getHistory(asker, { conversationId: idle }), nodes[1]!.process))).toBe(true)
    expect(cluster.logged).toEqual([])
  })

  it("lets nobody send with a grant from before its end", () => {
    const cluster = makeCluster({ timing: EXPIRY })
    const { sim } = cluster
    const warm = cluster.start()
    const { conversationId } = sim.run(warm.engine.createSession(asker, {}), warm.process)
    const post = (clientMessageId: string) =>
      sim.exit(warm.engine.sendMessage(asker, { conversationId, clientMessageId, text: "x" }), warm.process)
    expect(Exit.isSuccess(post("1"))).toBe(true)
    sim.advance(31 * DAY)
    expect(conversationOf(sim, cluster.store, conversationId).status).toBe("expired")
    expect(codeOf(post("2"))).toBe("conversation_expired")
  })

  it("says that it is inactive half an hour after the last send", () => {
    const asking = makeAsking()
    const node = asking.start({ silent: true })
    const { conversationId } = asking.ask(node)
    const { sim } = asking.cluster
    const inactive = () =>
      sim.run(node.engine.listConversations(asker, { conversationId }), node.process).conversations[0]?.inactive
    sim.advance(29 * 60_000)
    expect(inactive()).toBe(false)
    sim.advance(60_000)
    expect(inactive()).toBe(true)
  })
})

describe("the list of one's conversations", () => {
  it("is paged in the order of the last send, each once, whatever the page size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.nat({ max: 11 }), { maxLength: 15 }),
        fc.integer({ min: 1, max: 5 }),
        (count, sends, limit) => {
          const cluster = makeCluster()
          const { sim } = cluster
          const node = cluster.start()
          const ids = Array.from(
            { length: count },
            () => sim.run(node.engine.createSession(asker, {}), node.process).conversationId,
          )
          sim.run(node.engine.createSession(user("other"), {}), node.process)
          for (const [i, at] of sends.entries()) {
            sim.advance(i % 3)
            sim.run(
              node.engine.sendMessage(asker, { conversationId: ids[at % count]!, clientMessageId: `c${i}`, text: "x" }),
              node.process,
            )
          }
          const listed: Array<string> = []
          const times: Array<number> = []
          let after: string | undefined
          do {
            const page: Listings = sim.run(
              node.engine.listConversations(asker, { limit, kind: "session", ...(after === undefined ? {} : { after }) }),
              node.process,
            )
            expect(page.conversations.length).toBeLessThanOrEqual(limit)
            listed.push(...page.conversations.map(({ conversationId }) => conversationId))
            expect(listed.length).toBeLessThanOrEqual(count)
            times.push(...page.conversations.map(({ lastSendAt }) => lastSendAt))
            after = page.next
          } while (after !== undefined)
          expect(listed.toSorted()).toEqual(ids.toSorted())
          expect(times).toEqual(times.toSorted((a, b) => b - a))
        },
      ),
      { numRuns: 60 },
    )
  })

  it("refuses a position that is none", () => {
    const room = makeRoom()
    for (const after of ["", "x", ".", "1e999.x", "no-dot"])
      expect(codeOf(room.ask(ann, { type: "list_conversations", conversationId: undefined, after }))).toBe("invalid_request")
  })
})

describe("the history of a conversation", () => {
  it("is paged backwards without a gap or a repeat, with the reactions of its messages", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 25 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 200, max: 3_000 }),
        (count, limit, pageBytes) => {
          const room = makeRoom({ limits: { pageBytes } })
          for (let i = 0; i < count; i++) {
            const sent = room.ask(ann, send(`c${i}`, "x".repeat(1 + ((i * 37) % 200)))) as Exit.Success<{ itemId: string }, never>
            if (i % 3 === 0) room.ask(ben, { type: "message_reaction", messageId: sent.value.itemId, emoji: "👍" })
          }
          const seqs: Array<number> = []
          let reactions = 0
          for (let before: number | undefined, more = true; more;) {
            const page = room.ask(olga, { type: "get_history", limit, ...(before === undefined ? {} : { before }) })
            const {
              messages,
              reactions: of,
              hasMore,
            } = (page as Exit.Success<never, never>).value as {
              readonly messages: ReadonlyArray<{ readonly seq: number }>
              readonly reactions: ReadonlyArray<unknown>
              readonly hasMore: boolean
            }
            expect(messages.length).toBeLessThanOrEqual(limit)
            seqs.unshift(...messages.map(({ seq }) => seq))
            reactions += of.length
            expect(seqs.length).toBeLessThanOrEqual(count)
            more = hasMore
            before = messages[0]?.seq
          }
          expect(seqs).toEqual(Array.from({ length: count }, (_, i) => i + 1))
          expect(reactions).toBe(Math.ceil(count / 3))
        },
      ),
      { numRuns: 60 },
    )
  })
})
