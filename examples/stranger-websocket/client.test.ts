import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net"
import { expect, it, onTestFinished } from "vitest"
import { createChat } from "@parley/core"
import { serve } from "@parley/adapters/http"
import { memory } from "@parley/adapters/memory"

const listen = async (server: ReturnType<typeof createTcpServer>): Promise<number> => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return (server.address() as AddressInfo).port
}

/** An assistant that says what the test says, until `end`. */
const openChat = async () => {
  let pieces: Array<string | undefined> = []
  let wake = (): void => {}
  const say = (...more: ReadonlyArray<string | undefined>): void => {
    pieces.push(...more)
    wake()
  }
  const chat = await createChat({
    storage: memory(),
    authenticate: async (token) => (token.startsWith("dev:") ? { userId: token.slice(4) } : undefined),
    ai: [
      {
        name: "scripted",
        async *stream() {
          for (;;) {
            for (const text of pieces.splice(0)) {
              if (text === undefined) return yield { type: "finished", reason: "stop" }
              yield { type: "text", text }
            }
            await new Promise<void>((resolve) => (wake = resolve))
          }
        },
      },
    ],
  })
  const server = createServer()
  const served = serve(chat, server)
  const port = await listen(server)
  onTestFinished(async () => {
    await served.close()
    server.close()
    await chat.close()
  })
  return { port, say }
}

/** Between client and server: what the server said, and scissors. */
const openProxy = async (to: number) => {
  const sockets = new Set<Socket>()
  let heard = ""
  let connections = 0
  const proxy = createTcpServer((near) => {
    connections += 1
    const far = connect(to, "127.0.0.1")
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => {
        near.destroy()
        far.destroy()
      })
    }
    far.on("data", (bytes) => (heard += bytes.toString()))
    near.pipe(far).pipe(near)
  })
  const port = await listen(proxy)
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  onTestFinished(() => {
    cut()
    proxy.close()
  })
  return { port, cut, heard: () => heard, connections: () => connections }
}

const runClient = (port: number, question: string) => {
  const program = new URL("client.ts", import.meta.url).pathname
  const url = `ws://127.0.0.1:${port}/v1/chat/ws`
  const child = spawn(process.execPath, [program, url, "dev:ann", question], { stdio: ["ignore", "pipe", "inherit"] })
  onTestFinished(() => void child.kill("SIGKILL"))
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
  const printed = async (text: string): Promise<void> => {
    while (!output.includes(text)) await once(child.stdout, "data")
  }
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, output }))
  return { child, printed, ended }
}

it("goes on in mid-sentence after each cut, and fetches only what it missed", async () => {
  const { port, say } = await openChat()
  const proxy = await openProxy(port)
  const { printed, ended } = runClient(proxy.port, "tell me")
  say("One 👩‍👩‍👧, ")
  await printed("One 👩‍👩‍👧, ")
  for (const piece of ["two, ", "three, "]) {
    proxy.cut()
    say(piece)
    await printed(piece)
  }
  say("four.", undefined)
  expect(await ended).toEqual({ code: 0, output: "One 👩‍👩‍👧, two, three, four.\n[complete]\n" })
  expect(proxy.connections()).toBe(3)
  const snapshots = [...proxy.heard().matchAll(/"answer_snapshot"[^}]*"offset":(\d+)/gu)].map(([, offset]) => Number(offset))
  expect(snapshots.at(-1)).toBe("One 👩‍👩‍👧, two, ".length)
}, 60_000)

it("stops the answer at Ctrl-C", async () => {
  const { port, say } = await openChat()
  const { child, printed, ended } = runClient(port, "tell me")
  say("Once upon a time ")
  await printed("Once upon a time ")
  child.kill("SIGINT")
  expect(await ended).toEqual({ code: 0, output: "Once upon a time \n[stopped]\n" })
}, 60_000)
