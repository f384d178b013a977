/** How each contender is spoken to: connect, join a conversation, send. The load is the same for all. */
import type { Contender } from "./contender.ts"
import { openRaw, type RawWebSocket } from "./raw-websocket.ts"

export interface Speaker {
  readonly raw: RawWebSocket
  /** Joins or creates the conversation all speakers of a run share. */
  readonly join: (room: string) => Promise<void>
  readonly send: (room: string, text: string) => Promise<void>
}

export interface Dialect {
  readonly open: (contender: Contender, onMatching?: (count: number) => void) => Promise<Speaker>
  /** A conversation that speakers can join. */
  readonly makeRoom: (contender: Contender) => Promise<string>
}

/** Ids as people's SDKs make them: unique, short. */
let counter = 0
const nextId = (): string => (counter++).toString(36)

const waitersOf = () => {
  const waiting = new Map<string, () => void>()
  return {
    wait: (id: string): Promise<void> => new Promise((resolve) => waiting.set(id, resolve)),
    settle: (id: string): void => {
      waiting.get(id)?.()
      waiting.delete(id)
    },
    some: () => waiting.size > 0,
  }
}

/** `{"type":"reply","id":"…"` in Parley and in the `ws` server alike. */
const REPLY = '{"type":"reply","id":"'
const replyId = (text: string): string | undefined =>
  text.startsWith(REPLY) ? text.slice(REPLY.length, text.indexOf('"', REPLY.length)) : undefined

const jsonSpeaker = async (
  contender: Contender,
  path: string,
  headers: Readonly<Record<string, string>>,
  join: (room: string, id: string) => object,
  send: (room: string, text: string, id: string) => object,
  onMatching?: (count: number) => void,
): Promise<Speaker> => {
  const waiters = waitersOf()
  const raw = await openRaw({
    port: contender.port,
    path,
    headers,
    prefix: '{"type":"new_message"',
    ...(onMatching === undefined ? {} : { onMatching }),
    wantsText: waiters.some,
    onText: (text) => {
      const id = replyId(text)
      if (id !== undefined) waiters.settle(id)
      else if (text.startsWith('{"type":"error"')) throw new Error(text)
    },
  })
  const request = (make: (id: string) => object): Promise<void> => {
    const id = nextId()
    const answered = waiters.wait(id)
    raw.send(JSON.stringify(make(id)))
    return answered
  }
  return { raw, join: (room) => request((id) => join(room, id)), send: (room, text) => request((id) => send(room, text, id)) }
}

export const parley: Dialect = {
  open: (contender, onMatching) =>
    jsonSpeaker(
      contender,
      "/v1/chat/ws",
      { Authorization: "Bearer dev:ann" },
      (conversationId, id) => ({ type: "subscribe", id, conversationId }),
      (conversationId, text, id) => ({ type: "send_message", id, conversationId, clientMessageId: id, text }),
      onMatching,
    ),
  makeRoom: async (contender) => {
    const response = await fetch(`http://127.0.0.1:${contender.port}/v1/chat/rooms`, {
      method: "POST",
      headers: { authorization: "Bearer dev:ann", "content-type": "application/json" },
      body: JSON.stringify({ roomType: "private" }),
    })
    return ((await response.json()) as { readonly conversationId: string }).conversationId
  },
}

export const ws: Dialect = {
  open: (contender, onMatching) =>
    jsonSpeaker(
      contender,
      "/",
      {},
      (room, id) => ({ type: "join", id, room }),
      (room, text, id) => ({ type: "send_message", id, room, clientMessageId: id, text }),
      onMatching,
    ),
  makeRoom: () => Promise.resolve(`room_${nextId()}`),
}

export const socketIo: Dialect = {
  open: async (contender, onMatching) => {
    const waiters = waitersOf()
    let ack = 0
    const raw = await openRaw({
      port: contender.port,
      path: "/socket.io/?EIO=4&transport=websocket",
      prefix: '42["new_message"',
      ...(onMatching === undefined ? {} : { onMatching }),
      wantsText: () => true,
      onText: (text) => {
        if (text.startsWith("40")) return waiters.settle("connected")
        if (text === "2") return raw.send("3")
        if (text.startsWith("43")) waiters.settle(text.slice(2, text.indexOf("[")))
      },
    })
    const connected = waiters.wait("connected")
    raw.send("40")
    await connected
    const request = (event: string, body: unknown): Promise<void> => {
      const id = String(ack++)
      const answered = waiters.wait(id)
      raw.send(`42${id}${JSON.stringify([event, body])}`)
      return answered
    }
    return {
      raw,
      join: (room) => request("join", room),
      send: (room, text) => request("send_message", { room, text, clientMessageId: nextId() }),
    }
  },
  makeRoom: () => Promise.resolve(`room_${nextId()}`),
}
