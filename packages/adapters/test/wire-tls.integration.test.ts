/** The same on a server that ends TLS itself: the scheme is https, and so is the origin of its pages. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer, request } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { closeAfterEach, connect, openHost } from "./wire-harness.ts"

const openssl = (() => {
  try {
    return execFileSync("openssl", ["version"], { encoding: "utf8" }).startsWith("OpenSSL")
  } catch {
    return false
  }
})()

closeAfterEach()

let identity: { readonly key: string; readonly cert: string }
const directory = mkdtempSync(join(tmpdir(), "parley-tls-"))
beforeAll(() => {
  if (!openssl) return
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")]
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" })
  identity = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") }
})
afterAll(() => rmSync(directory, { recursive: true }))

describe.skipIf(!openssl)(`over TLS${openssl ? "" : " [needs the openssl program]"}`, () => {
  const open = () => openHost({ server: createServer(identity), scheme: "https" })

  it("a WebSocket carries a conversation, and a slow reader's queue drains", async () => {
    const host = await open()
    const client = await connect(host, "dev:ann", { ca: identity.cert })
    const { conversationId } = await client.ask({ type: "create_session" })
    await client.ask({ type: "subscribe", conversationId })
    await client.find((frame) => frame["type"] === "changes")
    client.socket.pause()
    const me = host.chat.as({ userId: "ann" })
    for (let i = 0; i < 700; i++) {
      await me.send(conversationId, "€".repeat(5_000))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const sink = host.sinks[0]!
    expect(sink.queuedBytes()).toBeGreaterThan(0)
    expect(sink.queuedBytes()).toBeLessThan(300_000)
    client.socket.resume()
    const seqs = () =>
      client.frames.flatMap((frame) =>
        frame["type"] === "new_message"
          ? [frame["item"].seq]
          : frame["type"] === "changes"
            ? frame["items"].map((item: { seq?: number }) => item.seq)
            : [],
      )
    await client.find((frame) => frame["item"]?.seq === 700 || frame["items"]?.at(-1)?.seq === 700)
    expect(seqs().filter((seq) => seq !== undefined)).toEqual(Array.from({ length: 700 }, (_, i) => i + 1))
  })

  it("its own origin is https", async () => {
    const host = await open()
    const origin = `https://127.0.0.1:${host.port}`
    const client = await connect(host, "dev:ann", { ca: identity.cert, headers: { origin } })
    expect(client.socket.readyState).toBe(client.socket.OPEN)
    const foreign = connect(host, "dev:ann", { ca: identity.cert, headers: { origin: origin.replace("https", "http") } })
    await expect(foreign).rejects.toThrow("403")
  })

  it("requests are answered", async () => {
    const host = await open()
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: "Bearer dev:ann" }
      request(`${host.base}/sessions`, { ca: identity.cert, headers }, (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end()
    })
    expect(status).toBe(200)
  })
})
