import { afterEach, describe, expect, it } from "vitest"
import { askIn, endedAnswer, openChatClient, storedAnswer } from "./chat-client.ts"
import { makeStage } from "./run-main.ts"

const stage = makeStage()
afterEach(stage.end)

const isDelta = ({ type }: { readonly type?: unknown }) => type === "answer_delta"

/** What the assistant says without any pause: what an undisturbed answer reads. */
const undisturbed = async (question: string) => {
  const url = await stage.run({ PARLEY_STORAGE: "memory", PARLEY_KNOWLEDGE_PACE: "0" }).ready
  const client = await openChatClient(url, "dev:ann")
  return (await endedAnswer(url, "dev:ann", await askIn(client, question))).text
}

describe("SIGTERM", () => {
  it("moves clients, lets the answer end, and exits with 0", async () => {
    const folder = stage.folder()
    const program = stage.run({ PARLEY_DATA_DIR: folder, PARLEY_KNOWLEDGE_PACE: "30" })
    const url = await program.ready
    const client = await openChatClient(url, "dev:ann")
    const conversationId = await askIn(client, "What is Parley?")
    await client.next(isDelta)
    program.kill("SIGTERM")

    await client.next(({ type }) => type === "drain")
    const ready = await fetch(`${url}/readyz`)
    expect([ready.status, await ready.json()]).toMatchObject([503, { ready: false, parts: { process: { draining: true } } }])
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect(await client.closed).toBe(4000)
    expect(await program.exited).toEqual({ code: 0, signal: null })

    const again = await stage.run({ PARLEY_DATA_DIR: folder }).ready
    expect(await storedAnswer(again, "dev:ann", conversationId)).toEqual({
      state: "complete",
      text: await undisturbed("What is Parley?"),
    })
  })

  it("passes an answer on that takes longer than a drain, and the next process ends it", async () => {
    const folder = stage.folder()
    const slow = stage.run({ PARLEY_DATA_DIR: folder, PARLEY_KNOWLEDGE_PACE: "5s" })
    const url = await slow.ready
    const client = await openChatClient(url, "dev:ann")
    const conversationId = await askIn(client, "What is Parley?")
    await client.next(isDelta)
    slow.kill("SIGTERM")
    expect(await slow.exited).toEqual({ code: 0, signal: null })

    const again = await stage.run({ PARLEY_DATA_DIR: folder, PARLEY_KNOWLEDGE_PACE: "0" }).ready
    expect(await endedAnswer(again, "dev:ann", conversationId)).toEqual({
      state: "complete",
      text: await undisturbed("What is Parley?"),
    })
  })

  it("that comes twice at the same moment, as from a supervisor of the whole group, is one", async () => {
    const program = stage.run({ PARLEY_STORAGE: "memory" })
    await program.ready
    program.kill("SIGTERM")
    program.kill("SIGTERM")
    program.kill("SIGINT")
    expect(await program.exited).toEqual({ code: 0, signal: null })
  })

  it("ends at once when it comes again", async () => {
    const program = stage.run({ PARLEY_STORAGE: "memory", PARLEY_KNOWLEDGE_PACE: "5s" })
    const url = await program.ready
    const client = await openChatClient(url, "dev:ann")
    await askIn(client, "What is Parley?")
    await client.next(isDelta)
    let over = false
    void program.exited.then(() => (over = true))
    // The answer would keep the drain going for 20 s; every look at the process is followed by another signal.
    while (!over) {
      program.kill("SIGTERM")
      await fetch(`${url}/healthz`).catch(() => undefined)
    }
    expect(await program.exited).toEqual({ code: 1, signal: null })
  })

  it("of a terminal, SIGINT, drains as well", async () => {
    const program = stage.run({ PARLEY_STORAGE: "memory" })
    await program.ready
    program.kill("SIGINT")
    expect(await program.exited).toEqual({ code: 0, signal: null })
  })
})
