/** Poll and post beside Fastify doing next to nothing: 32 connections, one request at a time each. */
import type { Contender } from "../contender.ts"
import { openHttp, type RawHttp } from "../raw-http.ts"
import { figure, median, spread, table } from "../statistics.ts"
import { TEXT } from "./fan-out.ts"

const CONNECTIONS = 32

interface HttpFigure {
  readonly perSecond: number
  readonly cpu: number
}

const measure = async (
  contender: Contender,
  ask: (http: RawHttp) => Promise<number>,
  wanted: number,
  ms: number,
): Promise<HttpFigure> => {
  const all = await Promise.all(Array.from({ length: CONNECTIONS }, () => openHttp(contender.port)))
  const run = async (until: number): Promise<number> => {
    let count = 0
    await Promise.all(
      all.map(async (http) => {
        while (performance.now() < until) {
          const status = await ask(http)
          if (status !== wanted) throw new Error(`${contender.name} answered ${status}`)
          count += 1
        }
      }),
    )
    return count
  }
  await run(performance.now() + ms / 3)
  const before = await contender.usage()
  const from = performance.now()
  const count = await run(from + ms)
  const seconds = (performance.now() - from) / 1000
  const after = await contender.usage()
  for (const http of all) http.close()
  return { perSecond: count / seconds, cpu: (after.cpu - before.cpu) / count }
}

const AUTHORIZATION = "Authorization: Bearer dev:ann"

const roomOf = async (
  port: number,
): Promise<{ readonly conversationId: string; readonly etag: string; readonly cursor: string }> => {
  const base = `http://127.0.0.1:${port}/v1/chat`
  const headers = { authorization: "Bearer dev:ann", "content-type": "application/json" }
  const created = await fetch(`${base}/rooms`, { method: "POST", headers, body: JSON.stringify({ roomType: "private" }) })
  const { conversationId } = (await created.json()) as { readonly conversationId: string }
  const first = (await (await fetch(`${base}/sync?c=${conversationId}`, { headers })).json()) as {
    readonly frames: ReadonlyArray<{ readonly epoch: string; readonly upTo: number }>
  }
  const last = first.frames.at(-1)
  const cursor = `${last?.epoch}.${last?.upTo}`
  const again = await fetch(`${base}/sync?c=${conversationId}@${cursor}`, { headers })
  return { conversationId, cursor, etag: again.headers.get("etag") ?? "" }
}

export const http = async (parley: Contender, fastify: Contender, rounds: number): Promise<string> => {
  const { conversationId, cursor, etag } = await roomOf(parley.port)
  let id = 0
  const cases = [
    {
      name: "poll, nothing new (304)",
      status: [304, 304],
      ours: (raw: RawHttp) =>
        raw.request(`GET /v1/chat/sync?c=${conversationId}@${cursor} HTTP/1.1\r\n${AUTHORIZATION}\r\nIf-None-Match: ${etag}`),
      theirs: (raw: RawHttp) => raw.request(`GET /sync HTTP/1.1\r\n${AUTHORIZATION}\r\nIf-None-Match: "1"`),
    },
    {
      name: "post a message",
      status: [201, 200],
      ours: (raw: RawHttp) =>
        raw.request(
          `POST /v1/chat/rooms/${conversationId}/messages HTTP/1.1\r\n${AUTHORIZATION}`,
          JSON.stringify({ clientMessageId: `h${id++}`, text: TEXT }),
        ),
      theirs: (raw: RawHttp) =>
        raw.request(`POST /messages HTTP/1.1\r\n${AUTHORIZATION}`, JSON.stringify({ clientMessageId: `h${id++}`, text: TEXT })),
    },
  ]
  const rows: Array<ReadonlyArray<string>> = []
  for (const { name, status, ours, theirs } of cases) {
    const figures: Array<readonly [HttpFigure, HttpFigure]> = []
    for (let round = 0; round < rounds; round++)
      figures.push([
        await measure(parley, ours, status[0] as number, 1_000),
        await measure(fastify, theirs, status[1] as number, 1_000),
      ])
    rows.push([
      name,
      figure(median(figures.map(([our]) => our.perSecond))),
      figure(median(figures.map(([, their]) => their.perSecond))),
      spread(figures.map(([our, their]) => our.perSecond / their.perSecond)),
      figure(median(figures.map(([our]) => our.cpu))),
      figure(median(figures.map(([, their]) => their.cpu))),
    ])
  }
  return table(["request", "parley/s", "fastify/s", "ratio", "parley CPU µs", "fastify CPU µs"], rows)
}
