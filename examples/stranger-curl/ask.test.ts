import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it, onTestFinished } from "vitest"
import { createChat } from "@parley/core"
import { serve } from "@parley/adapters/http"
import { memory } from "@parley/adapters/memory"

/** What a length in code units, an escape, and a cut in a script may get wrong. */
const PIECES = ['He said "hi" \\n\n', "👩‍👩‍👧 ünï \\ \t", "100 % end."]

const openChat = async () => {
  const asked: Array<string> = []
  let wake = (): void => {}
  /** Somebody has polled and said that he holds so much. */
  const isHeld = async (length: number): Promise<void> => {
    while (!asked.some((url) => url.includes(`@1.${length}&`))) await new Promise<void>((resolve) => (wake = resolve))
  }
  let answers = 0
  const chat = await createChat({
    storage: memory(),
    authenticate: async (token) => (token === "let-me-in" ? { userId: "ann" } : undefined),
    ai: [
      {
        name: "scripted",
        async *stream() {
          answers += 1
          let length = 0
          for (const text of answers === 1 ? PIECES : ["Once "]) {
            yield { type: "text", text }
            length += text.length
            if (answers > 1 || text !== PIECES.at(-1)) await isHeld(answers === 1 ? length : -1)
          }
          yield { type: "finished", reason: "stop" }
        },
      },
    ],
  })
  const server = createServer()
  const served = serve(chat, server)
  server.on("request", ({ url = "" }) => {
    asked.push(url)
    wake()
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(async () => {
    await served.close()
    server.closeAllConnections()
    server.close()
    await chat.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat`, asked }
}

const run = async (url: string, token: string) => {
  const env = { PATH: process.env["PATH"] ?? "", PARLEY_URL: url, PARLEY_TOKEN: token }
  const child = spawn("bash", [new URL("ask.sh", import.meta.url).pathname, 'Say "hi"'], { env })
  onTestFinished(() => void child.kill("SIGKILL"))
  let [stdout, stderr] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const [code] = (await once(child, "close")) as [number | null]
  return { code, stdout, stderr }
}

const needs = spawnSync("curl", ["--version"]).error === undefined ? "" : " [needs curl]"

it.skipIf(needs !== "")(
  `asks, sends again, reads an answer to its end, and stops another one${needs}`,
  async () => {
    const { url, asked } = await openChat()
    const stdout = `sent twice, stored once\n${PIECES.join("")}\n[complete]\nOnce \n[stopped]\n`
    expect(await run(url, "let-me-in")).toEqual({ code: 0, stdout, stderr: "" })
    expect(asked.filter((path) => path.endsWith("/messages"))).toHaveLength(3)
  },
  60_000,
)

it.skipIf(needs !== "")(
  `says what the server has against it${needs}`,
  async () => {
    const { url } = await openChat()
    const { code, stderr } = await run(url, "nobody")
    expect(code).toBe(1)
    expect(stderr).toContain('"code":"unauthenticated"')
  },
  60_000,
)
