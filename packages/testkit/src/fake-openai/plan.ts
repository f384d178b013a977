/** From a reply to what goes over the wire, and how it ends there. Pure. */
import { chatError, chatPieces } from "./chat-pieces.ts"
import type { Asked, Piece } from "./piece.ts"
import { errorObject, type FakeApi, type FakeFault, type FakeReply } from "./reply.ts"
import { responsesError, responsesPieces } from "./responses-pieces.ts"

export interface Plan {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  /** One write each. Empty also for what sends no headers. */
  readonly writes: ReadonlyArray<Buffer>
  /** `cut` destroys the socket, `stall` waits for the client to leave. */
  readonly ending: "end" | "cut" | "stall"
  readonly sendsHeaders: boolean
}

const STREAM = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  "x-request-id": "req_fake",
  "openai-processing-ms": "12",
}

export const planReply = (reply: FakeReply, api: FakeApi, asked: Asked): Plan => {
  const { fault } = reply
  const whole = { status: 200, headers: STREAM, ending: "end", sendsHeaders: true } as const
  if (fault?.type === "hang_up") return { ...whole, writes: [], ending: "cut", sendsHeaders: false }
  if (fault?.type === "stall" && fault.before === "headers") return { ...whole, writes: [], ending: "stall", sendsHeaders: false }
  if (fault?.type === "stall" && fault.before === "body") return { ...whole, writes: [], ending: "stall" }
  if (fault?.type === "status") return refusal(fault)
  const pieces = api === "chat" ? chatPieces(reply, asked) : responsesPieces(reply, asked)
  const faulty = fault === undefined ? pieces : place(pieces, fault, api)
  const bytes = faulty.map((piece) => Buffer.from(piece.bytes))
  return {
    ...whole,
    writes: splitInto(fault?.type === "truncated" ? [Buffer.concat(bytes).subarray(0, fault.bytes)] : bytes, reply.split),
    ending: endOf(fault),
  }
}

const endOf = (fault: FakeFault | undefined): Plan["ending"] => {
  if (fault?.type === "truncated") return fault.ending
  if (fault?.type === "cut") return "cut"
  return fault?.type === "stall" ? "stall" : "end"
}

const refusal = (fault: FakeFault & { readonly type: "status" }): Plan => ({
  status: fault.status,
  headers: { "content-type": "application/json", "x-request-id": "req_fake", ...fault.headers },
  writes: [Buffer.from(fault.body ?? JSON.stringify({ error: errorObject(fault) }))],
  ending: "end",
  sendsHeaders: true,
})

/** What comes before the fault, the fault, and for some what comes after it. */
const place = (pieces: ReadonlyArray<Piece>, fault: FakeFault, api: FakeApi): ReadonlyArray<Piece> => {
  if (fault.type === "order") return reorder(pieces, fault.order)
  const after = fault.type === "stall" ? (fault.before as number) : "after" in fault ? fault.after : Infinity
  const at = afterDeltas(pieces, after)
  const before = pieces.slice(0, at)
  if (fault.type === "garbage")
    return [...before, { role: "extra", bytes: 'data: {"choices":[{"delta":\n\n' }, ...pieces.slice(at)]
  if (fault.type === "stream_error")
    return [...before, { role: "extra", bytes: api === "chat" ? chatError(fault) : responsesError(fault) }]
  return fault.type === "truncated" ? pieces : before
}

/** After the nth delta; after the beginning for 0. */
const afterDeltas = (pieces: ReadonlyArray<Piece>, count: number): number => {
  const deltas = pieces.flatMap(({ role }, index) => (role === "delta" ? [index] : []))
  if (count === 0) return deltas[0] ?? pieces.length
  return (deltas[count - 1] ?? pieces.length - 1) + 1
}

const reorder = (
  pieces: ReadonlyArray<Piece>,
  order: (FakeFault & { readonly type: "order" })["order"],
): ReadonlyArray<Piece> => {
  const only = (...roles: ReadonlyArray<Piece["role"]>) => pieces.filter(({ role }) => roles.includes(role))
  const deltas = only("delta", "between", "extra")
  const end = only("done").length > 0 ? only("done") : only("marker")
  switch (order) {
    case "end_first":
      return [
        ...only("start"),
        ...end,
        ...deltas,
        ...pieces.filter((piece) => piece.role === "marker" && !end.includes(piece)),
        ...only("usage"),
      ]
    case "marker_early":
      return [...only("start"), ...deltas.slice(0, 1), ...only("marker"), ...deltas.slice(1), ...only("usage", "done")]
    case "start_last":
      return [...deltas, ...only("start", "marker", "usage", "done")]
  }
}

const splitInto = (pieces: ReadonlyArray<Buffer>, split: FakeReply["split"]): ReadonlyArray<Buffer> => {
  if (split === undefined) return pieces
  const size = typeof split === "number" ? () => split : randomSizes(split.seed)
  const whole = Buffer.concat(pieces)
  const writes: Array<Buffer> = []
  for (let from = 0; from < whole.length;) {
    const write = whole.subarray(from, from + size())
    writes.push(write)
    from += write.length
  }
  return writes
}

/** mulberry32: from 1 to 64 bytes, the same for a seed on every machine. */
const randomSizes = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return 1 + (((mixed ^ (mixed >>> 14)) >>> 0) % 64)
  }
}
