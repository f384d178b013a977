/** A client as a stranger would write one: frames over a `ws` socket, nothing of ours. */
import { WebSocket } from "ws"

export type Frame = Readonly<Record<string, unknown>>

export interface ChatClient {
  readonly request: (frame: Frame) => Promise<Frame>
  /** The next frame of this kind that was not taken yet; rejects when the socket closes before. */
  readonly next: (matches: (frame: Frame) => boolean) => Promise<Frame>
  readonly closed: Promise<number>
  readonly close: () => void
}

export const openChatClient = async (url: string, token: string): Promise<ChatClient> => {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/chat/ws`, { headers: { authorization: `Bearer ${token}` } })
  const frames: Array<Frame> = []
  const waiting = new Set<() => void>()
  const wakeAll = () => {
    for (const wake of waiting) wake()
  }
  let over = false
  const closed = new Promise<number>((resolve) => {
    socket.on("close", (code) => {
      over = true
      resolve(code)
      wakeAll()
    })
  })
  socket.on("error", () => {})
  socket.on("message", (data) => {
    frames.push(JSON.parse((data as Buffer).toString()) as Frame)
    wakeAll()
  })
  const next = async (matches: (frame: Frame) => boolean): Promise<Frame> => {
    for (;;) {
      const at = frames.findIndex(matches)
      if (at !== -1) return frames.splice(at, 1)[0] as Frame
      if (over) throw new Error("the socket closed before the frame came")
      await new Promise<void>((resolve) => {
        const wake = () => {
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
      })
    }
  }
  let count = 0
  await next((frame) => frame["type"] === "welcome")
  return {
    next,
    closed,
    close: () => socket.close(),
    request: async (frame) => {
      const id = `r${(count += 1)}`
      socket.send(JSON.stringify({ id, ...frame }))
      return next((answer) => answer["id"] === id)
    },
  }
}

/** A session in which a question was just asked. */
export const askIn = async (client: ChatClient, text: string) => {
  const { conversationId } = await client.request({ type: "create_session" })
  await client.request({ type: "subscribe", conversationId })
  await client.request({ type: "send_message", conversationId, clientMessageId: "question", text })
  return String(conversationId)
}

interface Stored {
  readonly parts: ReadonlyArray<{ readonly type: string; readonly text?: string }>
  readonly answer?: { readonly state: string; readonly revision: number }
}

/** The newest answer of a conversation as the history tells it. */
export const storedAnswer = async (url: string, token: string, conversationId: string) => {
  const response = await fetch(`${url}/v1/chat/sessions/${conversationId}/history`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const { messages } = (await response.json()) as { readonly messages: ReadonlyArray<Stored> }
  const message = messages.findLast(({ answer }) => answer !== undefined)
  return {
    state: message?.answer?.state,
    text: message?.parts.map((part) => part.text ?? "").join("") ?? "",
  }
}

const CLOSED = new Set(["complete", "failed", "interrupted", "blocked", "stopped"])

/** Asks until the answer has ended, with a long-poll between two looks. */
export const endedAnswer = async (url: string, token: string, conversationId: string) => {
  for (;;) {
    const answer = await storedAnswer(url, token, conversationId)
    if (CLOSED.has(answer.state ?? "")) return answer
    const first = await fetch(`${url}/v1/chat/sync?c=${conversationId}`, { headers: { authorization: `Bearer ${token}` } })
    const { frames } = (await first.json()) as {
      readonly frames: ReadonlyArray<{ readonly epoch?: string; readonly upTo?: number }>
    }
    const { epoch, upTo } = frames.findLast((frame) => frame.upTo !== undefined) ?? {}
    await fetch(`${url}/v1/chat/sync?c=${conversationId}@${epoch}.${upTo}&wait=2`, {
      headers: { authorization: `Bearer ${token}` },
    })
  }
}
