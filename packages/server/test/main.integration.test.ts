import { writeFileSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { createServer, type AddressInfo } from "node:net"
import { join } from "node:path"
import { SignJWT } from "jose"
import { afterEach, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import { openChatClient, askIn } from "./chat-client.ts"
import { MAIN, makeStage } from "./run-main.ts"

const stage = makeStage()
afterEach(stage.end)

const MEMORY = { PARLEY_STORAGE: "memory" }
const SECRET = "the secret of this test, 32 bytes or more"

const get = async (url: string, headers: Record<string, string> = {}) => {
  const response = await fetch(url, { headers })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

describe("a start", () => {
  it("prints the address first, once it answers, and how to come in on the second line", async () => {
    const program = stage.run({ PARLEY_DATA_DIR: stage.folder() })
    const url = await program.ready
    expect(await get(`${url}/healthz`)).toMatchObject({ status: 200, text: '{"alive":true}' })
    const ready = await get(`${url}/readyz`)
    expect([ready.status, JSON.parse(ready.text)]).toEqual([
      200,
      {
        ready: true,
        parts: { store: { ready: true, durability: "durable" }, process: { ready: true, draining: false, connections: 0 } },
      },
    ])
    const [first, second, ...more] = program.stdout().split("\n")
    expect(first).toMatch(/^Parley listening on http:\/\/127\.0\.0\.1:[1-9]\d*$/u)
    expect(second).toContain("dev:ann")
    expect(more).toEqual([""])
  })

  it("is refused with everything that is wrong, exit code 2 and no secret", async () => {
    const program = stage.run({
      PORT: "x",
      PARLEY_STORAGE: "postgres",
      PARLEY_JWT_SECRET: "hunter2",
      PARLEY_KNOWLEDGE_DIR: "/nowhere",
    })
    expect(await program.exited).toEqual({ code: 2, signal: null })
    expect(program.stdout()).toBe("")
    const lines = program.stderr().trim().split("\n")
    expect(lines).toHaveLength(5)
    for (const name of ["PORT", "PARLEY_STORAGE", "PARLEY_JWT_SECRET", "PARLEY_KNOWLEDGE_DIR"])
      expect(program.stderr()).toContain(name)
    expect(program.stderr()).not.toContain("hunter2")
  })

  it("is refused for other machines without tokens", async () => {
    const program = stage.run({ ...MEMORY, HOST: "0.0.0.0" })
    expect(await program.exited).toEqual({ code: 2, signal: null })
    expect(program.stderr()).toContain("PARLEY_JWT_SECRET")
  })

  const oneLine = (text: string) => {
    expect(text.trim().split("\n")).toHaveLength(1)
    expect(text).not.toMatch(/\n\s+at /u)
    return text
  }

  it("tells in one line that the data folder belongs to another process", async () => {
    const folder = stage.folder()
    await stage.run({ PARLEY_DATA_DIR: folder }).ready
    const second = stage.run({ PARLEY_DATA_DIR: folder })
    expect(await second.exited).toEqual({ code: 1, signal: null })
    expect(oneLine(second.stderr())).toMatch(/already open.*PARLEY_DATA_DIR/u)
  })

  it("tells in one line that the data folder cannot be made", async () => {
    const file = join(stage.folder(), "file")
    writeFileSync(file, "")
    const program = stage.run({ PARLEY_DATA_DIR: join(file, "data") })
    expect(await program.exited).toEqual({ code: 1, signal: null })
    expect(oneLine(program.stderr())).toContain(file)
  })

  it("tells in one line that the port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => other.once("listening", resolve))
    const port = String((other.address() as AddressInfo).port)
    try {
      const program = stage.run({ ...MEMORY, PORT: port })
      expect(await program.exited).toEqual({ code: 1, signal: null })
      expect(oneLine(program.stderr())).toContain(`Port ${port} on 127.0.0.1 is in use`)
    } finally {
      other.close()
    }
  })
})

describe("the log", () => {
  const closeAfterToken = (url: string, token: string) =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/v1/chat/ws`)
      socket.on("open", () => socket.send(JSON.stringify({ type: "authenticate", id: "1", token })))
      socket.on("close", resolve)
    })

  it("is one JSON object a line, and holds neither messages nor tokens", async () => {
    const program = stage.run({ ...MEMORY, LOG_LEVEL: "trace", PARLEY_KNOWLEDGE_PACE: "0" })
    const url = await program.ready
    const client = await openChatClient(url, "dev:ann")
    const conversationId = await askIn(client, "CanaryOfTheMessage: what is Parley?")
    await client.next(
      ({ type, item }) => type === "message_updated" && (item as { answer?: { state: string } }).answer?.state === "complete",
    )
    await client.request({ type: "send_message", conversationId, clientMessageId: "b", text: "x", CanaryOfTheField: 1 })
    await client.request({ type: "stop_answer", conversationId, messageId: "msg_CanaryOfTheId" })
    await get(`${url}/v1/chat/sessions`, { authorization: "Bearer CanaryOfTheToken" })
    await get(`${url}/v1/chat/sessions?token=CanaryOfTheUrl`)
    expect(await closeAfterToken(url, "CanaryOfTheToken")).toBe(4401)
    client.close()
    await client.closed
    program.kill("SIGTERM")
    await program.exited

    expect(program.stderr()).not.toMatch(/CanaryOfThe(Message|Field|Token|Url)/u)
    const entries = program
      .stderr()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const entry of entries)
      expect(entry).toMatchObject({
        level: expect.stringMatching(/^(trace|debug|info|warn|error)$/u),
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/u),
        message: expect.stringMatching(/./u),
      })
    expect(entries).toContainEqual(
      expect.objectContaining({ message: "a token was refused", correlationId: expect.stringMatching(/^req_/u) }),
    )
    expect(entries.at(-1)).toMatchObject({ level: "info", message: "stopped" })
  })
})

it.each([
  ["an exception that nobody caught", "throw new Error('boom')", "uncaught exception"],
  ["a promise whose failure nobody handled", "void Promise.reject(new Error('boom'))", "unhandled rejection"],
])("is ended with code 1 and told to the log: %s", async (_what, fault, message) => {
  const faulty = `data:text/javascript,process.on("SIGUSR2", () => { ${fault} })`
  const program = stage.run(MEMORY, ["--import", faulty, MAIN])
  await program.ready
  program.kill("SIGUSR2")
  expect(await program.exited).toEqual({ code: 1, signal: null })
  expect(JSON.parse(program.stderr().trim().split("\n").at(-1) ?? "")).toMatchObject({ level: "error", message, reason: "boom" })
})

describe("the descriptions", () => {
  it("stand below both prefixes, and name routes that are there", async () => {
    const url = await stage.run(MEMORY).ready
    const { status, text } = await get(`${url}/v1/chat/openapi.json`)
    expect([status, (await get(`${url}/api/v1/admin/chat/openapi.json`)).text === text]).toEqual([200, true])
    const { openapi, paths } = JSON.parse(text) as { openapi: string; paths: Record<string, Record<string, object>> }
    expect([openapi, Object.keys(paths).length > 20]).toEqual(["3.1.0", true])
    for (const [path, methods] of Object.entries(paths).filter(([name]) => name !== "/ws"))
      for (const method of Object.keys(methods)) {
        const headers = { authorization: "Bearer dev:ann" }
        const response = await fetch(`${url}/v1/chat${path.replace(/\{\w+\}/gu, "x")}`, { method: method.toUpperCase(), headers })
        expect([method, path, await response.text()]).not.toContainEqual(
          expect.stringMatching(/route_not_found|method_not_allowed/u),
        )
      }
    const frames = JSON.parse((await get(`${url}/v1/chat/frames.schema.json`)).text) as { $defs: Record<string, object> }
    expect(Object.keys(frames.$defs)).toContain("request.send_message")
  })
})

describe("who may come in", () => {
  it("is told to the page", async () => {
    const url = await stage.run(MEMORY).ready
    expect(JSON.parse((await get(`${url}/config.json`)).text)).toMatchObject({ developmentLogin: true, prefix: "/v1/chat" })
  })

  it("is decided by signed tokens alone once there is a secret", async () => {
    const url = await stage.run({ ...MEMORY, PARLEY_JWT_SECRET: SECRET }).ready
    expect(JSON.parse((await get(`${url}/config.json`)).text)).toMatchObject({ developmentLogin: false })
    expect((await get(`${url}/v1/chat/sessions`, { authorization: "Bearer dev:ann" })).status).toBe(401)
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: "HS256" })
      .setSubject("ann")
      .setIssuedAt()
      .setExpirationTime("1m")
      .sign(new TextEncoder().encode(SECRET))
    expect((await get(`${url}/v1/chat/sessions`, { authorization: `Bearer ${token}` })).status).toBe(200)
  })

  /** fetch does not let a test choose the Host header. */
  const statusFor = (url: string, host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { host, authorization: "Bearer dev:ann" }
      httpRequest(`${url}/v1/chat/sessions`, { headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on("error", reject)
        .end()
    })

  it("is nobody whose page reached the development login under a name of its own", async () => {
    const url = await stage.run({ ...MEMORY, ALLOWED_ORIGINS: "https://dev.example.com" }).ready
    expect(await statusFor(url, "evil.example.com")).toBe(403)
    expect(await statusFor(url, "localhost:8080")).toBe(200)
    expect(await statusFor(url, "[::1]:8080")).toBe(200)
    expect(await statusFor(url, "dev.example.com")).toBe(200)
  })
})

describe("the page", () => {
  it("comes with its type, a strict policy, and a tag that spares sending it again", async () => {
    const url = await stage.run(MEMORY).ready
    const { status, headers, text } = await get(url)
    expect([status, headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"])
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'self';/u)
    expect(headers.get("content-security-policy")).not.toContain("unsafe")
    expect(headers.get("x-content-type-options")).toBe("nosniff")
    const again = await get(url, { "if-none-match": headers.get("etag") ?? "" })
    expect([again.status, again.text]).toEqual([304, ""])
    const linked = [...text.matchAll(/(?:src|href)="(\/[^"]*)"/gu)].map(([, path]) => path)
    expect(linked.length).toBeGreaterThan(2)
    for (const path of linked) expect((await get(url + path)).status).toBe(200)
  })

  it("lets every module it imports be found, as JavaScript", async () => {
    const url = await stage.run(MEMORY).ready
    const seen = new Set<string>()
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return
      seen.add(path)
      const { status, headers, text } = await get(url + path)
      expect([path, status, headers.get("content-type")]).toEqual([path, 200, "text/javascript; charset=utf-8"])
      for (const [, name] of text.matchAll(/from "\.(\/[\w-]+\.js)"/gu)) await visit(name as string)
    }
    await visit("/app.js")
    expect(seen.size).toBeGreaterThan(5)
  })

  it("is no way to other files, and takes no other method", async () => {
    const url = await stage.run(MEMORY).ready
    for (const path of ["/../package.json", "/..%2fpackage.json", "/page/index.html", "/index.ts"])
      expect((await get(url + path)).status).toBe(404)
    expect((await fetch(url, { method: "POST" })).status).toBe(405)
  })
})
