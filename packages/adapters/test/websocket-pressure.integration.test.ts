import { describe, expect, it } from "vitest"
import { closeAfterEach, connect, type Host, openHost, scriptedAi } from "./wire-harness.ts"

closeAfterEach()

const QUEUE = 262_144
/** Fifteen kilobytes in UTF-8: a few hundred fill whatever the kernel takes for a connection. */
const LONG = "€".repeat(5_000)
/** One message of LONG as a frame, with room to spare. */
const ONE_BATCH = 20_000

const subscribed = async (host: Host, user: string) => {
  const me = host.chat.as({ userId: user })
  const { id } = await me.createSession()
  const client = await connect(host, `dev:${user}`)
  await client.ask({ type: "subscribe", conversationId: id })
  await client.find((frame) => frame["type"] === "changes")
  return { me, id, client, sink: host.sinks.at(-1)! }
}

describe("a client that stops reading", () => {
  it("has a bounded queue, is closed as slow, and stays no burden", async () => {
    const host = await openHost({ timing: { writeTimeout: 1_000 } })
    const { me, id, client, sink } = await subscribed(host, "ann")
    client.socket.pause()
    let most = 0
    let sent = 0
    while (host.chat.gateway.connections() === 1 && sent < 3_000) {
      await me.send(id, LONG)
      sent += 1
      most = Math.max(most, sink.queuedBytes())
      // Another turn of the event loop, or nothing would ever be written.
      await new Promise((resolve) => setImmediate(resolve))
      if (most > QUEUE / 2 && sent % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(host.chat.gateway.connections(), `still there after ${sent} messages`).toBe(0)
    expect(most).toBeGreaterThan(QUEUE / 2)
    expect(most).toBeLessThanOrEqual(QUEUE + ONE_BATCH)
    client.socket.resume()
    expect(await client.closed).toEqual({ code: 4001, reason: "slow_consumer" })
    // What came is a prefix without a hole, so the cursor it leaves is a good one.
    const seqs = client.frames.flatMap((frame) =>
      frame["type"] === "new_message"
        ? [frame["item"].seq]
        : frame["type"] === "changes"
          ? frame["items"].filter((item: { kind: string }) => item.kind === "message").map((item: { seq: number }) => item.seq)
          : [],
    )
    expect(seqs).toEqual(seqs.map((_seq, i) => i + 1))
    expect(seqs.length).toBeLessThan(sent)
  })

  it("is cut off even when it never reads the close", async () => {
    const host = await openHost({ timing: { writeTimeout: 1_000 } })
    const { me, id, client, sink } = await subscribed(host, "ann")
    client.socket.pause()
    for (let i = 0; i < 3_000 && sink.queuedBytes() < QUEUE / 2; i++) {
      await me.send(id, LONG)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await host.served.close()
    expect(host.chat.gateway.connections()).toBe(0)
    expect(sink.queuedBytes(), "the socket is gone with all it held").toBe(0)
  })

  it("loses pieces of an answer's text first, and gets them as a snapshot once it reads again", async () => {
    const ai = scriptedAi()
    const host = await openHost({
      ai: [ai.provider],
      timing: { writeTimeout: 60_000, deltaInterval: 1 },
      limits: { maxAnswerLength: 20_000_000 },
    })
    const { me, id, client, sink } = await subscribed(host, "ann")
    const { answerId } = await me.send(id, "tell me everything")
    ai.say("begin ")
    await client.find((frame) => frame["type"] === "answer_delta")
    client.socket.pause()
    let said = "begin "
    const other = me.subscribe(id)
    const seen = (async () => {
      let text = ""
      for await (const frame of other) {
        if (frame.type === "answer_delta" || frame.type === "answer_snapshot") text = text.slice(0, frame.offset) + frame.text
        if (text.endsWith("|end")) return text
      }
      return text
    })()
    let most = 0
    for (let i = 0; i < 1_500; i++) {
      const piece = `${i}${"€".repeat(4_000)}`
      said += piece
      ai.say(piece)
      await new Promise((resolve) => setTimeout(resolve, 2))
      most = Math.max(most, sink.queuedBytes())
      if (most > QUEUE / 3 && i % 10 === 9) break
    }
    // What the reader cannot take now is not kept for it.
    for (let i = 0; i < 60; i++) {
      const piece = `${i}${"€".repeat(4_000)}`
      said += piece
      ai.say(piece)
      await new Promise((resolve) => setTimeout(resolve, 2))
      most = Math.max(most, sink.queuedBytes())
    }
    said += "|end"
    ai.say("|end")
    expect(await seen).toBe(said)
    expect(most).toBeLessThanOrEqual(QUEUE / 2 + ONE_BATCH)
    client.socket.resume()
    const text = () =>
      client.frames
        .filter((frame) => frame["messageId"] === answerId)
        .reduce((sum, frame) => {
          expect(frame["offset"], "a gap").toBeLessThanOrEqual(sum.length)
          return sum.slice(0, frame["offset"]) + frame["text"]
        }, "")
    await client.find((frame) => frame["type"] === "answer_snapshot" && frame["text"].endsWith("|end"))
    expect(text()).toBe(said)
  })

  it("gets the next page only when the one before has gone out", async () => {
    const host = await openHost({ limits: { maxQueuedBytes: 16_384, pageBytes: 65_536, windowMessages: 1_000 } })
    const me = host.chat.as({ userId: "ann" })
    const { id } = await me.createSession()
    for (let i = 0; i < 600; i++) await me.send(id, LONG)
    const client = await connect(host, "dev:ann")
    await client.find((frame) => frame["type"] === "welcome")
    client.socket.pause()
    client.send({ type: "subscribe", id: "s", conversationId: id })
    const sink = host.sinks.at(-1)!
    await expect.poll(() => sink.queuedBytes()).toBeGreaterThan(0)
    const stuck = sink.queuedBytes()
    expect(stuck).toBeLessThan(200_000)
    client.socket.resume()
    await client.find((frame) => frame["type"] === "changes" && frame["more"] === false)
    const messages = client.frames
      .flatMap((frame) => (frame["type"] === "changes" ? frame["items"] : []))
      .filter((item) => item.kind === "message")
    expect(messages.map((item) => item.seq)).toEqual(Array.from({ length: 600 }, (_, i) => i + 1))
  })
})

describe("a client that asks faster than it is answered", () => {
  it("is read no further until half of its requests are answered, and gets all answers", async () => {
    let open = 0
    let most = 0
    const host = await openHost({
      limits: { maxInFlight: 4 },
      authenticate: async (token) => {
        most = Math.max(most, (open += 1))
        await new Promise((resolve) => setImmediate(resolve))
        open -= 1
        return { userId: token }
      },
    })
    const client = await connect(host, "ann")
    const sink = host.sinks[0]!
    const calls: Array<string> = []
    const { pause, resume } = sink
    Object.assign(sink, {
      pause: () => (calls.push("pause"), pause.call(sink)),
      resume: () => (calls.push("resume"), resume.call(sink)),
    })
    // Larger than what one read of the socket brings, so that pausing it shows.
    const token = "ann"
    const count = 20_000
    for (let i = 0; i < count; i++) client.send({ type: "authenticate", id: `h${i}`, token })
    await client.find((frame) => frame["id"] === `h${count - 1}`)
    const answered = client.frames.filter((frame) => frame["type"] === "reply")
    expect(answered.map((frame) => frame["id"])).toEqual(Array.from({ length: count }, (_, i) => `h${i}`))
    expect(calls.length).toBeGreaterThan(2)
    expect(calls).toEqual(calls.map((_call, i) => (i % 2 === 0 ? "pause" : "resume")))
    expect(calls.at(-1)).toBe("resume")
    // Frames of the read that was under way are still taken.
    expect(most).toBeLessThan(count / 4)
  })

  it("is cut off when it pings and does not read the pongs", async () => {
    const host = await openHost({ timing: { writeTimeout: 60_000 } })
    const { client } = await subscribed(host, "ann")
    client.socket.pause()
    const payload = Buffer.alloc(125, 1)
    const ended = client.closed
    for (let i = 0; i < 400 && host.chat.gateway.connections() === 1; i++) {
      for (let j = 0; j < 500; j++) client.socket.ping(payload)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(host.chat.gateway.connections()).toBe(0)
    client.socket.resume()
    expect((await ended).code).toBe(1006)
  })
})

describe("a sign of life", () => {
  it("is asked for by a ping, and a client that answers stays", async () => {
    const host = await openHost({ timing: { heartbeatInterval: 500, pongTimeout: 1_500 } })
    const { client } = await subscribed(host, "ann")
    let pings = 0
    await new Promise<void>((resolve) => client.socket.on("ping", () => (pings += 1) === 3 && resolve()))
    expect(host.chat.gateway.connections()).toBe(1)
  })

  it("that does not come ends the connection with 4003", async () => {
    const host = await openHost({ timing: { heartbeatInterval: 500, pongTimeout: 1_500 } })
    const client = await connect(host, "dev:ann", { autoPong: false })
    let pings = 0
    client.socket.on("ping", () => (pings += 1))
    expect(await client.closed).toEqual({ code: 4003, reason: "pong_timeout" })
    expect(pings).toBeGreaterThan(0)
  })

  it("may be any frame", async () => {
    const host = await openHost({ timing: { heartbeatInterval: 500, pongTimeout: 1_000 } })
    const client = await connect(host, "dev:ann", { autoPong: false })
    let ticks = 0
    const talk = setInterval(() => client.send({ type: "ping", id: `p${(ticks += 1)}` }), 200)
    await client.find((frame) => frame["id"] === "p15")
    clearInterval(talk)
    expect(await client.closed).toMatchObject({ code: 4003 })
  })

  it("is no use: who subscribes to nothing and asks nothing is closed as idle", async () => {
    const host = await openHost({ timing: { idleTimeout: 500 } })
    const client = await connect(host, "dev:ann")
    expect(await client.closed).toEqual({ code: 4002, reason: "idle_timeout" })
  })
})
