/** Fastify's own floor: a poll answered 304 from memory, a posted message parsed and acknowledged, a stream written to with one `write` each. */
import type { ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import fastify from "fastify"
import { report } from "./report.ts"

const app = fastify()
const readers = new Set<ServerResponse>()
let seq = 0

app.get("/sync", (request, reply) => {
  void reply.header("etag", '"1"')
  return request.headers["if-none-match"] === '"1"' ? reply.code(304).send() : reply.send({ frames: [] })
})
app.post("/messages", (request) => {
  seq += 1
  const { text } = request.body as { readonly text: string }
  const id = `msg_${seq}`
  const event = `data: ${JSON.stringify({ type: "new_message", change: seq, item: { id, seq, parts: [{ type: "text", text }] } })}\n\n`
  for (const reader of readers) reader.write(event)
  return { itemId: id, seq, change: seq }
})
app.get("/events", (request, reply) => {
  reply.hijack()
  reply.raw.writeHead(200, { "content-type": "text/event-stream" })
  reply.raw.flushHeaders()
  readers.add(reply.raw)
  request.raw.on("close", () => readers.delete(reply.raw))
})
await app.listen({ port: 0, host: "127.0.0.1" })
report((app.server.address() as AddressInfo).port)
