/**
 * A conversation with a toy server, small enough to be read at once: it commits, tells its readers, loses what the network loses,
 * and repairs it. With no flaw it keeps every promise; each flaw breaks one, so that the checkers can be seen to notice.
 */
import { type Command, type History } from "../src/arbitraries/history.ts"
import { ClientModel } from "../src/model/client-model.ts"
import { agree, checkLaw } from "../src/model/law.ts"
import { LogModel } from "../src/model/log-model.ts"
import type { ModelFrame } from "../src/model/model-frame.ts"
import type { Violation } from "../src/model/violation.ts"
import { isOpenAnswer, isTerminalAnswer, type LoggedItem } from "../src/model/wire-item.ts"

export const FLAWS = [
  "skips a gap",
  "delivers twice",
  "page leaves an item out",
  "window leaves reactions out",
  "window comes silently",
  "reads an old version",
  "no heads at the end",
  "seq for an edit",
  "completes after a stop",
  "edits a tombstone",
  "ends twice",
  "splices two owners",
  "text after the end",
  "serves who has left",
] as const
export type Flaw = (typeof FLAWS)[number]

const ID = "room_1"
const EPOCH = "e1"
const WINDOW_MESSAGES = 4
const MAX_BEHIND = 8
const PAGE_ITEMS = 3

interface Reader {
  readonly client: ClientModel
  readonly user: number
  live: boolean
  position: number
}

interface Generation {
  revision: number
  text: string
}

export class World {
  readonly log = new LogModel(ID, EPOCH)
  readonly readers: ReadonlyArray<Reader>
  readonly #flaw: Flaw | undefined
  readonly #stored = new Map<string, LoggedItem>()
  readonly #generations = new Map<string, Generation>()
  #lastSeq = 0
  #nextMessage = 0
  #faults: Array<"bus drops" | "bus repeats" | "bus reorders"> = []
  #late: Array<number> = []

  constructor({ users, readers }: History, flaw?: Flaw) {
    this.#flaw = flaw
    this.readers = Array.from({ length: readers }, (_, i) => ({
      client: new ClientModel(ID),
      user: i % users,
      live: false,
      position: 0,
    }))
    this.#put({ kind: "conversation", id: ID })
    for (let user = 0; user < users; user++) this.#put({ kind: "member", id: `mem_${user}`, userId: `${user}`, status: "joined" })
    for (const reader of this.readers) this.#subscribe(reader)
  }

  /** Heals everything, reads to the head, and returns what was found on the way and at the end. */
  settle(): ReadonlyArray<Violation> {
    this.#faults = []
    for (const reader of this.readers) {
      if (!this.#isJoined(reader.user)) continue
      if (!reader.live || reader.client.needsResubscribe) this.#subscribe(reader)
      else if (!this.#is("no heads at the end")) this.#repair(reader)
    }
    const there = this.readers.filter(({ user }) => this.#isJoined(user)).map(({ client }) => client)
    return [
      ...this.log.violations,
      ...this.readers.flatMap(({ client }) => client.violations),
      ...this.check(),
      ...there.slice(1).flatMap((client) => agree(there[0]!, client)),
    ]
  }

  /** What breaks the law as things stand: it holds at every position, not only at the head. */
  check(): ReadonlyArray<Violation> {
    return this.readers.flatMap(({ client }) => checkLaw(this.log, client))
  }

  run(command: Command): void {
    switch (command.do) {
      case "send":
        return this.#send(command.user, command.text, command.ask)
      case "edit": {
        const message = this.#message(command.message)
        if (message?.author === undefined || message.answer !== undefined) return
        if (message.deleted !== undefined && !this.#is("edits a tombstone")) return
        const parts = [{ type: "text", text: command.text }]
        return this.#put({ ...message, parts, ...(this.#is("seq for an edit") ? { seq: ++this.#lastSeq } : {}) })
      }
      case "delete": {
        const message = this.#message(command.message)
        if (message === undefined || message.deleted !== undefined || isOpenAnswer(message)) return
        return this.#put({ ...message, parts: [], deleted: { by: `${command.user}` } })
      }
      case "react":
      case "unreact":
        return this.#react(command.do === "react", command.user, command.message, command.emoji)
      case "join":
      case "leave":
        return this.#member(command.user, command.do === "join" ? "joined" : "left")
      case "claim answer":
        return this.#claim(command.answer)
      case "answer text":
        return this.#say(command.answer, command.text)
      case "end answer":
        return this.#end(command.answer, command.how)
      case "stop answer": {
        const answer = this.#answer(command.answer)
        if (answer !== undefined && isOpenAnswer(answer) && answer.answer!.state !== "stopping")
          this.#put({ ...answer, answer: { ...answer.answer!, state: "stopping" } })
        return
      }
      case "bus drops":
      case "bus repeats":
      case "bus reorders":
        this.#faults.push(...Array.from({ length: command.count }, () => command.do as "bus drops"))
        return
      case "cut": {
        const reader = this.readers[command.reader]!
        reader.client.cut()
        reader.live = false
        return
      }
      case "resubscribe":
        return this.#subscribe(this.readers[command.reader]!)
      case "read history":
        return this.#history(this.readers[command.reader]!, command.limit)
      default:
        // What is left (repeats of sends, regeneration, invitations, lost last events) means nothing to a toy.
        return
    }
  }

  #is(flaw: Flaw): boolean {
    return this.#flaw === flaw
  }

  #put(item: Omit<LoggedItem, "change">): void {
    const change = this.log.head + 1
    const stamped: LoggedItem = { ...item, change, createdAt: item.createdAt ?? change, updatedAt: change }
    this.#stored.set(item.id, stamped)
    this.log.apply([stamped])
    const fault = this.#faults.shift()
    if (fault === "bus drops") return
    if (fault === "bus reorders") return void this.#late.push(change)
    const arriving = [change, ...(fault === "bus repeats" ? [change] : []), ...this.#late.splice(0)]
    for (const arrived of arriving) for (const reader of this.readers) this.#arrive(reader, arrived)
  }

  /** The hub: delivers what is next, drops what was delivered, reads the log after a gap. */
  #arrive(reader: Reader, change: number): void {
    if (!reader.live) return
    if (!this.#isJoined(reader.user) && reader.client.connection === "subscribed") return this.#drop(reader)
    if (change <= reader.position && !this.#is("delivers twice")) return
    if (change > reader.position + 1 && !this.#is("skips a gap")) return this.#repair(reader)
    const item = this.log.version(change)!
    const type =
      ({ message: "message_updated", reactions: "reactions_changed", member: "member_changed" } as const)[item.kind] ??
      "conversation_changed"
    reader.client.accept({ type, conversationId: ID, change, item })
    reader.position = Math.max(reader.position, change)
  }

  #drop(reader: Reader): void {
    reader.client.accept({ type: "unsubscribed", conversationId: ID })
    reader.live = this.#is("serves who has left")
  }

  #subscribe(reader: Reader): void {
    if (!this.#isJoined(reader.user)) return
    const { cursor } = reader.client.subscribe()
    reader.live = true
    reader.position = Number(cursor?.split(".")[1] ?? 0)
    if (cursor === undefined) this.#window(reader)
    else this.#repair(reader)
    for (const [messageId, { revision, text }] of this.#generations)
      reader.client.accept({ type: "answer_snapshot", conversationId: ID, messageId, revision, part: 0, offset: 0, text })
  }

  #repair(reader: Reader): void {
    if (this.log.head - reader.position > MAX_BEHIND) {
      if (!this.#is("window comes silently"))
        reader.client.accept({ type: "resync", conversationId: ID, reason: "too_far_behind" })
      return this.#window(reader)
    }
    let items = [...this.log.stateAt().values()]
      .filter((item) => item.change > reader.position)
      .toSorted((a, b) => a.change - b.change)
    if (this.#is("page leaves an item out")) items = items.slice(1)
    if (this.#is("reads an old version")) items = items.map((item) => this.#oldestOf(item.id, item.change))
    this.#pages(reader, items, reader.position)
  }

  #window(reader: Reader): void {
    const from = Math.max(1, this.#lastSeq - WINDOW_MESSAGES + 1)
    const state = [...this.log.stateAt().values()]
    const items = state.filter((item) => {
      const seq = this.log.seqOf(item)
      if (item.kind === "member") return item.status === "joined"
      return seq === undefined || (seq >= from && !(item.kind === "reactions" && this.#is("window leaves reactions out")))
    })
    this.#pages(reader, items, 0, { from })
  }

  #pages(reader: Reader, items: ReadonlyArray<LoggedItem>, start: number, window?: { from: number }): void {
    const head = this.log.head
    let after = start
    for (let i = 0; i === 0 || i < items.length; i += PAGE_ITEMS) {
      const page = items.slice(i, i + PAGE_ITEMS)
      const more = i + PAGE_ITEMS < items.length
      const upTo = window !== undefined || !more ? head : page.at(-1)!.change
      const frame: ModelFrame = { type: "changes", conversationId: ID, epoch: EPOCH, after, upTo, items: page, firstSeq: 1, more }
      reader.client.accept(window === undefined ? frame : { ...frame, window })
      after = upTo
    }
    reader.position = head
  }

  #history(reader: Reader, limit: number): void {
    const before = reader.client.from
    if (before === undefined || !this.#isJoined(reader.user)) return
    const items = [...this.log.stateAt().values()].filter((item) => {
      const seq = this.log.seqOf(item)
      return seq !== undefined && seq < before && seq >= before - limit
    })
    reader.client.acceptHistory({ epoch: EPOCH, asOf: this.log.head, items })
  }

  #send(user: number, text: string, ask: boolean): void {
    if (!this.#isJoined(user)) return
    const message = (author: string) => ({ kind: "message", id: `msg_${this.#nextMessage++}`, seq: ++this.#lastSeq, author })
    this.#put({ ...message(`${user}`), parts: [{ type: "text", text }] })
    if (ask) this.#put({ ...message("ai"), parts: [], answer: { state: "pending", revision: 0 } })
  }

  #react(add: boolean, user: number, message: number, emoji: string): void {
    const target = this.#message(message)
    if (target === undefined || !this.#isJoined(user)) return
    const id = target.id.replace("msg_", "rea_")
    const item = this.#stored.get(id) ?? { kind: "reactions", id, messageId: target.id }
    const before = Object.entries(this.#stored.get(id)?.users ?? {})
    const others = before.filter(([other]) => other !== emoji)
    const users = before.find(([other]) => other === emoji)?.[1].filter((one) => one !== `${user}`) ?? []
    const next = add ? [...users, `${user}`] : users
    this.#put({ ...item, users: Object.fromEntries(next.length === 0 ? others : [...others, [emoji, next]]) })
  }

  #member(user: number, status: "joined" | "left"): void {
    const item = this.#stored.get(`mem_${user}`)!
    if (item.status !== status) this.#put({ ...item, status })
  }

  #claim(back: number): void {
    const answer = this.#answer(back)
    if (answer === undefined || !isOpenAnswer(answer) || answer.answer!.state === "stopping") return
    const { revision } = answer.answer!
    if (this.#is("splices two owners") && revision > 0) {
      // The new owner begins again, under the old owner's revision.
      this.#generations.set(answer.id, { revision, text: "" })
      return this.#tell("answer_delta", answer.id, { revision, text: "b" }, 0)
    }
    this.#generations.set(answer.id, { revision: revision + 1, text: "" })
    this.#put({ ...answer, answer: { state: "streaming", revision: revision + 1 } })
  }

  #say(back: number, text: string): void {
    const answer = this.#answer(back)
    if (answer === undefined) return
    if (isTerminalAnswer(answer) && this.#is("text after the end"))
      return this.#tell("answer_delta", answer.id, { revision: answer.answer!.revision, text }, 0)
    const generation = this.#generations.get(answer.id)
    if (generation === undefined) return
    const offset = generation.text.length
    generation.text += text
    this.#tell("answer_delta", answer.id, { revision: generation.revision, text }, offset)
  }

  #tell(type: "answer_delta", messageId: string, { revision, text }: Generation, offset: number): void {
    if (this.#faults[0] === "bus drops") return void this.#faults.shift()
    for (const reader of this.readers)
      if (reader.live && this.#isJoined(reader.user))
        reader.client.accept({ type, conversationId: ID, messageId, revision, part: 0, offset, text })
  }

  #end(back: number, how: string): void {
    const answer = this.#answer(back)
    if (answer === undefined || (!isOpenAnswer(answer) && !this.#is("ends twice"))) return
    const { state, revision } = answer.answer!
    const generation = this.#generations.get(answer.id)
    this.#generations.delete(answer.id)
    const next = state === "stopping" && !this.#is("completes after a stop") ? "stopped" : how
    this.#put({
      ...answer,
      parts: [{ type: "text", text: generation?.text ?? "" }],
      answer: { state: next, revision: generation?.revision ?? revision },
    })
  }

  #isJoined(user: number): boolean {
    return this.#stored.get(`mem_${user}`)?.status === "joined"
  }

  #message(back: number): LoggedItem | undefined {
    return this.#nth(back, () => true)
  }

  #answer(back: number): LoggedItem | undefined {
    return this.#nth(back, (item) => item.answer !== undefined && item.deleted === undefined)
  }

  #nth(back: number, wanted: (item: LoggedItem) => boolean): LoggedItem | undefined {
    const messages = [...this.#stored.values()].filter((item) => item.kind === "message" && wanted(item))
    return messages.at(-1 - (back % Math.max(1, messages.length)))
  }

  #oldestOf(id: string, change: number): LoggedItem {
    const versions = [...Array(change).keys()].map((i) => this.log.version(i + 1)!)
    return versions.find((version) => version.id === id)!
  }
}
