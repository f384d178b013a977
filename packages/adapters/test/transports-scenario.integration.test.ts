/** One scenario, read over each transport, over each with cuts, and over all of them in turn: everybody ends with the same bytes. */
import { expect, it } from "vitest"
import { cutAfterEach } from "./events-client.ts"
import { type Carrier, CARRIERS, type Leg, type Reader, startReader, stateOf } from "./transport-readers.ts"
import { apiOf, closeAfterEach, type Host, type Json, openHost, scriptedAi } from "./wire-harness.ts"

closeAfterEach()
cutAfterEach()

/** Repeatable luck: https://en.wikipedia.org/wiki/Linear_congruential_generator, with the numbers of Numerical Recipes. */
const luckOf = (seed: number) => {
  let state = seed >>> 0
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const OPEN = new Set(["pending", "streaming", "stopping"])

/** Of an answer that has ended. */
const endOf = (message: Json | undefined): string | undefined => {
  const state = message?.["answer"]?.state as string | undefined
  return state === undefined || OPEN.has(state) ? undefined : state
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Two people in a room, and one of them in a session with an assistant who is stopped, asked again, and erased in mid-sentence. */
const play = async (
  host: Host,
  ai: ReturnType<typeof scriptedAi>,
  session: string,
  room: string,
  luck: (below: number) => number,
) => {
  const ann = host.chat.as({ userId: "ann" })
  const bob = host.chat.as({ userId: "bob" })
  const ending = async (messageId: string): Promise<string> => {
    for (;;) {
      const { messages } = await ann.history(session)
      const state = endOf(messages.find((message) => message.id === messageId))
      if (state !== undefined) return state
      await sleep(5)
    }
  }
  const speak = async (pieces: number): Promise<void> => {
    for (let i = 0; i < pieces; i++) {
      ai.say(`${i} ünï👩‍👩‍👧 ${"x".repeat(luck(40))} `)
      if (luck(3) === 0) await sleep(luck(30))
    }
  }
  const talk = async (rounds: number): Promise<void> => {
    for (let i = 0; i < rounds; i++) {
      const [me, other] = luck(2) === 0 ? [ann, bob] : [bob, ann]
      const { messageId, change } = await me.send(room, `said ${i}: "quoted"\n<b>ü</b> 👍🏽`)
      await other.react(room, messageId, "👍")
      if (luck(2) === 0) await me.react(room, messageId, "🎉")
      if (luck(3) === 0) await other.react(room, messageId, "👍", { remove: true })
      if (luck(3) === 0) await me.edit(room, messageId, change, `edited ${i}`)
      if (luck(5) === 0) await me.delete(room, messageId)
      await sleep(luck(60))
    }
  }

  const first = await ann.send(session, "tell me")
  await Promise.all([speak(40), talk(30)])
  ai.finish()
  expect(await ending(first.answerId as string)).toBe("complete")
  await ann.edit(session, first.messageId, first.change, "tell me, please")
  await ann.react(session, first.answerId as string, "❤️")

  const second = await ann.send(session, "and more")
  await Promise.all([speak(40), talk(30)])
  await sleep(30)
  await ann.stop(session, second.answerId as string)
  expect(await ending(second.answerId as string)).toBe("stopped")
  const { itemId } = await ann.regenerate(session, second.answerId as string)
  await Promise.all([speak(60), talk(30)])
  ai.finish()
  expect(await ending(itemId)).toBe("complete")

  const third = await ann.send(session, "never mind")
  await Promise.all([speak(20), talk(15)])
  await ann.delete(session, third.answerId as string)
  await ann.delete(session, first.messageId)
  await ann.send(room, "the end")
}

it.each([11, 12])("leaves the same bytes with every reader, whatever carried them (seed %i)", async (seed) => {
  const luck = luckOf(seed)
  const ai = scriptedAi()
  const host = await openHost({
    ai: [ai.provider],
    timing: { deltaInterval: 3 },
    limits: { pageBytes: 4_096, windowMessages: 200 },
  })
  const ann = host.chat.as({ userId: "ann" })
  const bob = host.chat.as({ userId: "bob" })
  const session = (await ann.createSession()).id
  const room = (await ann.createRoom({ type: "private", invite: ["bob"] })).id
  await bob.join(room)

  const readers: Array<Reader> = []
  const start = (name: string, user: "ann" | "bob", nextLeg: () => Leg): void =>
    void readers.push(startReader(host, name, user, user === "ann" ? [session, room] : [room], nextLeg))
  const anyOf = <T>(all: ReadonlyArray<T>): T => all[luck(all.length)] as T
  // An id comes once a second: a browser that is cut sooner has nothing to go on from.
  const legOf = (carrier: Carrier): Leg => ({ carrier, ms: carrier === "browser" ? 1_100 + luck(400) : luck(150) })
  for (const carrier of CARRIERS) {
    start(`${carrier}, steady`, "ann", () => ({ carrier }))
    start(`${carrier}, cut`, "ann", () => legOf(carrier))
  }
  for (let i = 0; i < 4; i++) start(`ann's, switching ${i}`, "ann", () => legOf(anyOf(CARRIERS)))
  for (let i = 0; i < 2; i++) start(`bob's, switching ${i}`, "bob", () => legOf(anyOf(CARRIERS)))

  await play(host, ai, session, room, luck)
  const ended = async (): Promise<boolean> =>
    (await ann.history(session)).messages.every((message) => !("answer" in message) || endOf(message) !== undefined)
  while (!(await ended())) await sleep(5)
  const heads = new Map([
    [session, (await ann.get(session)).head],
    [room, (await ann.get(room)).head],
  ])
  for (const reader of readers) reader.finishAt(heads)
  // Somebody who comes when all is over: what he holds came in windows alone.
  const late = startReader(host, "late", "ann", [session, room], () => ({ carrier: "poll" }))
  late.finishAt(heads)
  const everybody = [...readers, late]
  await Promise.all(everybody.map((reader) => reader.done))

  expect(everybody.flatMap((reader) => reader.violations().map((found) => [reader.name, reader.used.slice(-3), found]))).toEqual(
    [],
  )
  const [sessionState, roomState] = late.models.map(stateOf) as [string, string]
  expect(JSON.parse(sessionState).items.length).toBeGreaterThan(8)
  expect(JSON.parse(roomState).items.length).toBeGreaterThan(30)
  for (const { name, models } of readers)
    for (const model of models) expect(stateOf(model), name).toBe(model.conversationId === session ? sessionState : roomState)
  const switched = readers.filter(({ name }) => name.includes("switching")).flatMap(({ used }) => used)
  expect(new Set(switched)).toEqual(new Set(CARRIERS))
  expect(readers.find(({ name }) => name === "browser, cut")?.resumed()).toBeGreaterThan(0)
  expect((await apiOf(host, "ann")("GET", `/sync?c=${session}@${heads.get(session)}`)).body["frames"]).toEqual([])
})
