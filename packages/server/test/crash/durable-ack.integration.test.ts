/**
 * Watches the server's system calls: between the write of a message into SQLite's log and the write of its ack into the socket, an
 * fsync (or fdatasync) of that log must have returned. Verifies the half of G1 that killing a process cannot show.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { CutTolerantClient } from "./cut-tolerant-client.ts"
import { freePort, startServer, type ServerProcess } from "./server-process.ts"

const strace = process.env["PARLEY_STRACE"]
const directory = mkdtempSync(join(tmpdir(), "parley-fsync-"))
let server: ServerProcess | undefined

afterAll(async () => {
  await server?.kill()
  rmSync(directory, { recursive: true, force: true })
})

/** A system call of the trace: the lines at which it began and returned. */
interface Call {
  readonly began: number
  returned: number
  readonly text: string
}

/** strace cuts a call that another thread interrupts into `<unfinished ...>` and `<... resumed>`. */
const callsOf = (trace: string): ReadonlyArray<Call> => {
  const calls: Array<Call> = []
  const open = new Map<string, Call>()
  for (const [line, content] of trace.split("\n").entries()) {
    const [, thread = "", text = ""] = /^(\d+)\s+(.*)$/u.exec(content) ?? []
    if (text.startsWith("<...")) {
      const call = open.get(thread)
      if (call !== undefined) call.returned = line
      open.delete(thread)
      continue
    }
    const unfinished = text.endsWith("<unfinished ...>")
    const call = { began: line, returned: unfinished ? Number.POSITIVE_INFINITY : line, text }
    if (unfinished) open.set(thread, call)
    calls.push(call)
  }
  return calls
}

test.skipIf(strace === undefined)(
  "no ack leaves before the fsync of its message has returned [needs strace]",
  async () => {
    const output = join(directory, "trace")
    server = await startServer({
      port: await freePort(),
      directory: join(directory, "data"),
      // -D keeps the server this process's own child, so that killing it kills no tracer in its place.
      before: [
        strace as string,
        "-D",
        "-f",
        "-y",
        "-s",
        "16384",
        "-o",
        output,
        "-e",
        "trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg",
      ],
    })
    const client = new CutTolerantClient(server.base, "ann")
    await client.connect()
    const created = await client.request({ type: "create_room", roomType: "private" })
    const conversationId = created["conversationId"] as string
    const tokens = Array.from({ length: 40 }, (_, i) => `token-${i}-${Math.random().toString(36).slice(2)}`)
    const acks = new Map<string, string>()
    for (const token of tokens.slice(0, 15)) acks.set(token, (await client.send(conversationId, token, `says ${token}`)).itemId)
    await Promise.all(
      tokens.slice(15).map(async (token) => acks.set(token, (await client.send(conversationId, token, `says ${token}`)).itemId)),
    )
    client.close()
    await server.kill()

    const calls = callsOf(readFileSync(output, "utf8"))
    const syncs = calls.filter(({ text }) => /^f(data)?sync\(\d+<[^>]*-wal>/u.test(text))
    expect(syncs.length).toBeGreaterThan(0)
    for (const [token, itemId] of acks) {
      const written = calls.find(({ text }) => /^pwrite64\(\d+<[^>]*-wal>/u.test(text) && text.includes(`says ${token}`))
      const acked = calls.find(
        ({ text }) =>
          /^(write|writev|sendto|sendmsg)\(\d+<(socket|TCP)/u.test(text) && text.includes("reply") && text.includes(itemId),
      )
      expect(written, `the log was written for ${token}`).toBeDefined()
      expect(acked, `the ack of ${token} was seen`).toBeDefined()
      const durable = syncs.some((sync) => sync.began > (written?.returned ?? 0) && sync.returned < (acked?.began ?? 0))
      expect(durable, `an fsync of the log returned between write and ack of ${token}`).toBe(true)
    }
  },
  60_000,
)
