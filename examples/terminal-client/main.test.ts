import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { expect, it, onTestFinished } from "vitest"
import { createChat } from "@parley/core"
import { serve } from "@parley/adapters/http"
import { memory } from "@parley/adapters/memory"

/** An assistant that repeats what it was asked, and goes on when the test says so. */
const openChat = async () => {
  let goOn = (): void => {}
  const chat = await createChat({
    storage: memory(),
    authenticate: async (token) => (token === "let-me-in" ? { userId: "ann" } : undefined),
    ai: [
      {
        name: "parrot",
        async *stream({ messages }) {
          yield { type: "text", text: `You said ${messages.at(-1)?.text}, ` }
          await new Promise<void>((resolve) => (goOn = resolve))
          yield { type: "text", text: "and no more." }
          yield { type: "finished", reason: "stop" }
        },
      },
    ],
  })
  const server = createServer()
  const served = serve(chat, server)
  const sockets = new Set<Socket>()
  server.on("connection", (socket) => sockets.add(socket))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(async () => {
    await served.close()
    server.closeAllConnections()
    server.close()
    await chat.close()
  })
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  return { chat, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/ws`, cut, goOn: () => goOn() }
}

const run = (...args: ReadonlyArray<string>) => {
  const program = new URL("main.ts", import.meta.url).pathname
  const child = spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", "inherit"] })
  onTestFinished(() => void child.kill("SIGKILL"))
  let output = ""
  let read = 0
  const ended = once(child, "close").then(([code]) => code as number | null)
  const endsTooSoon = ended.then(() => {
    throw new Error(`the program ended, having said ${JSON.stringify(output.slice(read))}`)
  })
  endsTooSoon.catch(() => {})
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
  return {
    type: (line: string) => void child.stdin.write(`${line}\n`),
    /** Waits for a text after the one waited for before, and gives what stood between. */
    sees: async (text: string): Promise<string> => {
      while (!output.includes(text, read)) await Promise.race([once(child.stdout, "data"), endsTooSoon])
      const before = output.slice(read, output.indexOf(text, read))
      read += before.length + text.length
      return before
    },
    ended,
  }
}

it("talks, goes on after a cut, stops, asks again, and comes back to the same session", async () => {
  const { url, cut, goOn } = await openChat()
  const ann = run(url, "let-me-in")
  await ann.sees("* session ")
  const session = await ann.sees(";")

  ann.type("hello")
  await ann.sees("assistant: You said hello, ")
  cut()
  await ann.sees("connection lost")
  // Typed while nobody listens, and sent once the connection is back.
  ann.type("are you there?")
  goOn()
  expect(await ann.sees("and no more.\n")).not.toContain("You said hello")
  await ann.sees("assistant: You said are you there?, ")
  ann.type("/stop")
  await ann.sees("[stopped]\n")
  ann.type("/again")
  await ann.sees("assistant: You said are you there?, ")
  goOn()
  await ann.sees("and no more.\n")
  ann.type("/quit")
  expect(await ann.ended).toBe(0)

  const again = run(url, "let-me-in", session)
  await again.sees("ann: hello")
  await again.sees("assistant: You said hello, and no more.")
  await again.sees("ann: are you there?")
  again.type("/quit")
  expect(await again.ended).toBe(0)
}, 60_000)

it("fetches what is older than its window", async () => {
  const { chat, url } = await openChat()
  const me = chat.as({ userId: "ann" })
  const { id } = await me.createRoom({ type: "private" })
  for (let i = 1; i <= 60; i++) await me.send(id, `line ${i}.`)
  const ann = run(url, "let-me-in", id)
  await ann.sees("ann: line 11.")
  await ann.sees("ann: line 60.")
  ann.type("/older")
  await ann.sees("ann: line 1.")
  await ann.sees("ann: line 10.")
}, 60_000)

it("ends when its token is refused", async () => {
  const { url } = await openChat()
  const stranger = run(url, "made-up")
  await stranger.sees("the token is not valid")
  expect(await stranger.ended).toBe(1)
}, 60_000)
