/**
 * A chat in the terminal: `main.ts [url] [token] [conversation]`. A line is a message; commands begin with a slash, and /help lists them.
 * Without a conversation a new session begins.
 */
import { createInterface } from "node:readline"
import { holdConversation, type HeldConversation, isFinal, type Message } from "./conversation.ts"
import { LOST, openConnection, type Refusal } from "./connection.ts"

const [url = "ws://127.0.0.1:8080/v1/chat/ws", token = "dev:ann", existing] = process.argv.slice(2)

const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: "> " })
let held: HeldConversation | undefined = existing === undefined ? undefined : holdConversation(existing)
/** Messages without a reply yet, by clientMessageId: they are sent again until there is one. */
const outbox = new Map<string, string>()
const ours = new Set<string>()
/** How much of each message stands on the screen; what is `done` is not looked at again. */
const printed = new Map<string, { revision: number; length: number; done: boolean }>()
/** The message whose text the cursor stands behind. */
let writing: string | undefined

const say = (line: string): void => {
  process.stdout.write(`${writing === undefined ? "\r" : "\n"}${line}\n`)
  writing = undefined
  terminal.prompt(true)
}
const complain = (refusal: Refusal): void => {
  if (refusal.code !== LOST) say(`! ${refusal.message} (${refusal.code})`)
}

const subscribe = async (): Promise<void> => {
  if (held !== undefined) await connection.ask("subscribe", held.whereWeAre())
}

const send = async (clientMessageId: string, text: string): Promise<void> => {
  const conversationId = held?.id
  if (conversationId === undefined) return
  try {
    await connection.ask("send_message", { conversationId, clientMessageId, text })
    outbox.delete(clientMessageId)
  } catch (error) {
    const refusal = error as Refusal
    // After the connection is back the outbox is sent again.
    if (refusal.code === LOST) return
    if (refusal.retryAfter !== undefined)
      return void setTimeout(() => void send(clientMessageId, text), refusal.retryAfter * 1_000)
    outbox.delete(clientMessageId)
    complain(refusal)
  }
}

const ready = async (): Promise<void> => {
  if (held === undefined) {
    held = holdConversation(String((await connection.ask("create_session"))["conversationId"]))
    say(`* session ${held.id}; /help tells more`)
  }
  await subscribe()
  for (const [clientMessageId, text] of outbox) void send(clientMessageId, text)
}

const connection = openConnection({
  url,
  token,
  onReady: () => {
    ready().catch(complain)
  },
  onLost: () => say("* connection lost, trying again"),
  onEnd: (why) => {
    say(`* ${why}`)
    process.exit(1)
  },
  onFrame: (frame) => {
    if (held === undefined) return
    if (frame.type === "unsubscribed" && frame.code === "conversation_not_found") {
      say("* this conversation is not yours, or is gone")
      return quit()
    }
    if (frame.type === "unsubscribed" || held.take(frame) === "gap") subscribe().catch(complain)
    else print()
  },
})

const nameOf = ({ author }: Message): string => (author.kind === "user" ? author.id : author.kind)

/** Writes what is new: whole messages, and of an open answer the text that came since. */
const print = (): void => {
  for (const message of held?.messages() ?? []) {
    const before = printed.get(message.id)
    if (before?.done === true || message.notice !== undefined) continue
    const { revision, text } = held?.textOf(message) ?? { revision: 0, text: "" }
    const isOurs = message.clientMessageId !== undefined && ours.has(message.clientMessageId)
    const done = isFinal(message)
    if (isOurs) {
      printed.set(message.id, { revision, length: text.length, done })
      continue
    }
    const fresh = text.slice(before?.revision === revision ? before.length : 0)
    if (fresh === "" && !done) continue
    if (writing !== message.id || before?.revision !== revision) {
      process.stdout.write(`${writing === undefined ? "\r" : "\n"}${nameOf(message)}: ${before === undefined ? "" : "… "}`)
      writing = message.id
    }
    process.stdout.write(fresh)
    printed.set(message.id, { revision, length: text.length, done })
    if (!done) continue
    const { answer } = message
    if (answer !== undefined && answer.state !== "complete") process.stdout.write(` [${answer.error?.code ?? answer.state}]`)
    process.stdout.write("\n")
    writing = undefined
    terminal.prompt(true)
  }
}

const newestAnswer = (): Message | undefined => held?.messages().findLast((message) => message.answer !== undefined)

const onAnswer = (type: "stop_answer" | "regenerate_answer"): Promise<unknown> => {
  const messageId = newestAnswer()?.id
  return messageId === undefined ? Promise.resolve() : connection.ask(type, { conversationId: held?.id, messageId })
}

const older = async (): Promise<void> => {
  const before = held?.messages()[0]?.seq
  if (held === undefined || before === undefined) return
  const page = held.takeHistory(await connection.ask("get_history", { conversationId: held.id, before, limit: 10 }))
  for (const message of page) {
    const { revision, text } = held.textOf(message)
    say(`${nameOf(message)}: ${text}`)
    printed.set(message.id, { revision, length: text.length, done: true })
  }
}

const quit = (): void => {
  terminal.close()
  connection.close()
  // A pipe that still has a writer would keep the program.
  process.stdin.destroy()
}

const COMMANDS: Readonly<Record<string, () => unknown>> = {
  "/stop": () => onAnswer("stop_answer"),
  "/again": () => onAnswer("regenerate_answer"),
  "/older": older,
  "/quit": quit,
  "/help": () => say("* /stop the answer, /again for another one, /older messages, /quit"),
}

terminal.on("line", (line) => {
  const command = Object.hasOwn(COMMANDS, line.trim()) ? COMMANDS[line.trim()] : undefined
  if (command !== undefined) return void Promise.resolve(command()).catch(complain)
  if (line.trim() === "") return terminal.prompt()
  const clientMessageId = crypto.randomUUID()
  ours.add(clientMessageId)
  outbox.set(clientMessageId, line)
  void send(clientMessageId, line)
})
terminal.on("close", quit)
