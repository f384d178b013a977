/** One client on changing transports: what it shows is the same text, whatever carried it. */
import { expect, it } from "vitest"
import { ClientModel, isModelFrame, type ModelFrame } from "@parley/testkit"
import { cutAfterEach, openEvents } from "./events-client.ts"
import { apiOf, closeAfterEach, connect, openHost, scriptedAi } from "./wire-harness.ts"

closeAfterEach()
cutAfterEach()

it("goes on in mid-answer, from WebSocket to event stream to long-poll to poll and around again, without a letter lost or doubled", async () => {
  const ai = scriptedAi()
  const host = await openHost({ ai: [ai.provider], timing: { deltaInterval: 2 } })
  const me = host.chat.as({ userId: "ann" })
  const api = apiOf(host, "ann")
  const { id } = await me.createSession()
  const answerId = (await me.send(id, "tell me")).answerId as string
  const client = new ClientModel(id)
  const shown = () => client.texts.get(answerId)?.text ?? ""
  let said = ""
  const say = (text: string): void => {
    said += text
    ai.say(text)
  }

  const overWebSocket = async (): Promise<void> => {
    const connection = await connect(host, "dev:ann")
    const { cursor, answers } = client.subscribe()
    connection.send({ type: "subscribe", id: "s", conversationId: id, answers, ...(cursor === undefined ? {} : { cursor }) })
    let taken = 0
    await expect
      .poll(() => {
        for (; taken < connection.frames.length; taken++) {
          const frame = connection.frames[taken] as ModelFrame
          if (isModelFrame(frame)) client.accept(frame)
        }
        return shown() === said
      })
      .toBe(true)
    client.cut()
    connection.socket.terminate()
  }
  const overEvents = async (): Promise<void> => {
    const { cursor, answers } = client.subscribe()
    const query = new URLSearchParams([["c", `${id}@${cursor}`]])
    for (const held of answers) query.append("a", held)
    const stream = await openEvents(host, "ann", String(query))
    let taken = 0
    await stream.until(() => {
      for (; taken < stream.frames.length; taken++) {
        const frame = stream.frames[taken] as ModelFrame
        if (isModelFrame(frame)) client.accept(frame)
      }
      return shown() === said
    })
    client.cut()
    stream.cut()
  }
  const overPoll = async (wait: number): Promise<void> => {
    while (shown() !== said) {
      const { cursor, answers } = client.subscribe()
      const query = new URLSearchParams([
        ["c", cursor === undefined ? id : `${id}@${cursor}`],
        ["wait", String(wait)],
      ])
      for (const held of answers) query.append("a", held)
      for (const frame of (await api("GET", `/sync?${query}`)).body["frames"] as ReadonlyArray<ModelFrame>) client.accept(frame)
      client.cut()
    }
  }

  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 20; i++) say(`${round}.${i} ünïcödé 👩‍👩‍👧 `)
    // The rest of these is said while the client has no connection, and while it makes one.
    const rest = (async () => {
      for (let i = 20; i < 40; i++) {
        say(`${round}.${i} `)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    await [overWebSocket, overEvents, () => overPoll(5), () => overPoll(0)][round % 4]?.()
    await rest
  }
  await overPoll(5)
  expect(shown()).toBe(said)
  ai.finish()
  while (client.texts.has(answerId)) {
    const { cursor } = client.subscribe()
    for (const frame of (await api("GET", `/sync?c=${id}@${cursor}&wait=5`)).body["frames"] as ReadonlyArray<ModelFrame>)
      client.accept(frame)
    client.cut()
  }
  expect(client.items.get(answerId)).toMatchObject({ parts: [{ type: "text", text: said }], answer: { state: "complete" } })
  expect(client.violations).toEqual([])
})
