/**
 * A client made from docs/protocol.md and the WebSocket of Node 22: asks one question in a new session and prints the answer while it is
 * written. A connection that breaks is opened again and goes on in mid-sentence; Ctrl-C stops the answer.
 *
 *     node client.ts [url] [token] [question]
 */
const [url = "ws://127.0.0.1:8080/v1/chat/ws", token = "dev:ann", question = "What is Parley?"] = process.argv.slice(2)

interface Item {
  readonly id: string
  readonly change: number
  readonly parts?: ReadonlyArray<{ readonly type: string; readonly text?: string }>
  readonly answer?: { readonly state: string; readonly turn: string; readonly variant: number; readonly revision: number }
}
interface Refusal {
  readonly code: string
  readonly message: string
  readonly retryAfter?: number
}
interface Reply {
  readonly id: string
  readonly conversationId?: string
  readonly itemId?: string
  readonly answer?: { readonly itemId: string }
}
type Frame =
  | { readonly type: "welcome" }
  | ({ readonly type: "reply" } & Reply)
  | { readonly type: "error"; readonly id?: string; readonly error: Refusal }
  | {
      readonly type: "changes"
      readonly epoch: string
      readonly after: number
      readonly upTo: number
      readonly items: ReadonlyArray<Item>
      readonly more: boolean
      readonly window?: { readonly from: number }
    }
  | {
      readonly type: "answer_delta" | "answer_snapshot"
      readonly messageId: string
      readonly revision: number
      readonly offset: number
      readonly text: string
    }
  | { readonly type: "resync" }
  | { readonly type: "unsubscribed"; readonly code: string }
  | { readonly type: "drain" }
  | { readonly type: "new_message" | "message_updated" | "message_deleted"; readonly change: number; readonly item: Item }
  | { readonly type: `${"reactions" | "member" | "conversation"}_changed`; readonly change: number; readonly item: Item }

const FINAL = ["complete", "failed", "interrupted", "blocked", "stopped"]

// What is held of the session.
let session: string | undefined
let position: { readonly epoch: string; readonly change: number } | undefined
let items = new Map<string, Item>()
let gathered = new Map<string, Item>()
const texts = new Map<string, { revision: number; text: string }>()

// What is asked.
const clientMessageId = crypto.randomUUID()
let answerId: string | undefined
let stopping = false

// What was printed.
let shown = { revision: 0, length: 0 }

// The connection.
let socket: WebSocket
let draining = false
let failures = 0
/** The newest subscribe without a reply: until it has one, what comes is of the subscription before. */
let subscribing: string | undefined
let requests = 0
const open = new Map<string, (outcome: Reply | Refusal) => void>()

/** Resolves with the reply. A request that is refused for good ends the program; one that is lost with its connection is forgotten. */
const ask = (type: string, fields: object): Promise<Reply> =>
  new Promise((resolve) => {
    const id = String((requests += 1))
    if (type === "subscribe") subscribing = id
    open.set(id, (outcome) => {
      if (!("code" in outcome)) resolve(outcome)
      else if (outcome.retryAfter === undefined) end(`${type}: ${outcome.code} ${outcome.message}`, 1)
      else setTimeout(() => void ask(type, fields).then(resolve), outcome.retryAfter * 1000)
    })
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type, id, ...fields }))
  })

const end = (line: string, code: number): void => {
  process.stdout.write(`\n${line}\n`)
  process.exit(code)
}

const subscribe = async (): Promise<void> => {
  await ask("subscribe", {
    conversationId: session,
    ...(position === undefined ? {} : { cursor: `${position.epoch}.${position.change}` }),
    answers: Array.from(texts, ([id, { revision, text }]) => `${id}@${revision}.${text.length}`),
  })
}

/** After each welcome: all that may have been lost is asked again. */
const resume = async (): Promise<void> => {
  session ??= (await ask("create_session", { name: "A stranger's" })).conversationId
  await subscribe()
  const sent = await ask("send_message", { conversationId: session, clientMessageId, text: question })
  answerId = sent.answer?.itemId
  if (stopping) await stop()
  show()
}

const stop = async (): Promise<void> => {
  stopping = true
  if (answerId !== undefined) await ask("stop_answer", { conversationId: session, messageId: answerId })
}

const put = (into: Map<string, Item>, item: Item): void => {
  const held = into.get(item.id)
  if (held === undefined || held.change < item.change) into.set(item.id, item)
}

/** Texts belong to open answers alone, each to the revision that its item names at least. */
const settleTexts = (): void => {
  for (const id of texts.keys()) if (!items.has(id)) texts.delete(id)
  for (const { id, answer } of items.values()) {
    if (answer === undefined) continue
    if (FINAL.includes(answer.state)) texts.delete(id)
    else if ((texts.get(id)?.revision ?? -1) < answer.revision) texts.set(id, { revision: answer.revision, text: "" })
  }
}

const take = (frame: Frame): void => {
  if (frame.type === "changes" && frame.window !== undefined) {
    for (const item of frame.items) put(gathered, item)
    if (frame.more) return
    // The same revision may be another text in another history.
    if (position?.epoch !== frame.epoch) texts.clear()
    items = gathered
    gathered = new Map()
    position = { epoch: frame.epoch, change: frame.upTo }
  } else if (frame.type === "changes") {
    if (frame.epoch !== position?.epoch || frame.after > position.change) return void subscribe()
    for (const item of frame.items) put(items, item)
    position = { epoch: frame.epoch, change: Math.max(position.change, frame.upTo) }
  } else if ("item" in frame) {
    if (position === undefined || frame.change > position.change + 1) return void subscribe()
    put(items, frame.item)
    position = { epoch: position.epoch, change: Math.max(position.change, frame.change) }
  } else if (frame.type === "answer_delta" || frame.type === "answer_snapshot") {
    const held = texts.get(frame.messageId)
    if (held === undefined || frame.revision < held.revision) return
    const text = frame.revision > held.revision ? "" : held.text
    if (frame.offset > text.length) return void subscribe()
    if (frame.offset + frame.text.length < text.length) return
    texts.set(frame.messageId, { revision: frame.revision, text: text.slice(0, frame.offset) + frame.text })
  } else if (frame.type === "resync") gathered = new Map()
  else if (frame.type === "unsubscribed") {
    if (frame.code === "conversation_not_found") return end("[the session is gone]", 1)
    setTimeout(() => void subscribe(), 1000)
  }
  settleTexts()
  show()
}

const show = (): void => {
  const item = answerId === undefined ? undefined : items.get(answerId)
  if (item?.answer === undefined) return
  const state = item.answer.state
  const final = FINAL.includes(state)
  const open = texts.get(item.id)
  const text = final ? (item.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("") : (open?.text ?? "")
  const revision = final ? item.answer.revision : (open?.revision ?? 0)
  if (revision !== shown.revision && shown.length > 0) process.stdout.write("\n[begins again]\n")
  if (revision !== shown.revision) shown = { revision, length: 0 }
  process.stdout.write(text.slice(shown.length))
  shown.length = text.length
  if (final) end(`[${state}]`, 0)
}

const connect = (): void => {
  socket = new WebSocket(url)
  subscribing = undefined
  draining = false
  open.clear()
  socket.addEventListener("open", () => void ask("authenticate", { token }))
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data)) as Frame
    if (frame.type === "welcome") {
      failures = 0
      void resume()
    } else if (frame.type === "reply" || frame.type === "error") {
      const settle = open.get(frame.id ?? "")
      open.delete(frame.id ?? "")
      // At once: the next frame may come in the same tick.
      if (frame.id === subscribing) subscribing = undefined
      settle?.(frame.type === "reply" ? frame : frame.error)
    } else if (frame.type === "drain") draining = true
    else if (subscribing === undefined) take(frame)
  })
  socket.addEventListener("close", ({ code }) => {
    if (code >= 4400 && code < 4500) return end("[a new token is needed]", 1)
    if (code >= 4500 && code < 5000) return end(`[closed with ${code}]`, 1)
    const delay = draining ? 0 : Math.random() * Math.min(30_000, 1000 * 2 ** failures)
    failures += 1
    setTimeout(connect, delay)
  })
}

process.on("SIGINT", () => void stop())
connect()
