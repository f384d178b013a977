/**
 * Plays a random history against the real thing: two nodes over one store, readers over connections and polls, a bus and a network with faults, nodes
 * that crash. Then everything heals, and whoever may read must stand at the head with what the log holds.
 */
import { agree, checkLaw, type Command, type History, LogModel, type Violation } from "@parley/testkit"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Item, Message } from "../../src/domain/item.ts"
import type { EngineError } from "../../src/engine/environment.ts"
import type { Dispatched } from "../../src/gateway/dispatch.ts"
import { type Cluster, makeCluster, type Node, user } from "./cluster.ts"
import { putMember, seedConversation, TENANT } from "./conversations.ts"
import { noteAnswers, sendProblems, type Sending } from "./life-verdict.ts"
import { type Marks, TEXT_MISSING } from "./marks.ts"
import { makeReader, type Reader } from "./reader.ts"
import { type AiCall, scriptedAi } from "./scripted-ai.ts"
import type { Pace } from "./wire.ts"

export interface LifeOptions {
  readonly seed: number
  readonly kind: "session" | "private"
  /** Bounds so small that windows, page cuts and slow readers come all the time. */
  readonly narrow: boolean
  /** Of the commits, the share that fails, with and without having happened. */
  readonly failing: number
  readonly history: History
}

export interface Outcome {
  readonly violations: ReadonlyArray<Violation>
  readonly problems: ReadonlyArray<string>
}

const NARROW = { windowMessages: 5, maxChangesBehind: 10, pageBytes: 400, maxQueuedBytes: 1_500, maxDeltaLength: 16 }
const TIMING = {
  headsInterval: 300,
  lease: 2_000,
  renewWhileMoving: 100,
  renewWhileIdle: 200,
  takeoverPoll: 300,
  deltaInterval: 20,
  drain: 200,
  aiTotalTimeout: 3_600_000,
  aiFirstTokenTimeout: 3_600_000,
  aiIdleTimeout: 3_600_000,
}
const PACES: ReadonlyArray<Pace> = ["at once", "at once", 1, 20, 120, "stuck"]
const MAX_CRASHES = 2

export const live = (options: LifeOptions, marks: Marks): Outcome => {
  const { history, kind } = options
  const cluster: Cluster = makeCluster({
    seed: options.seed,
    timing: TIMING,
    busLatency: 3,
    ...(options.narrow ? { limits: NARROW } : {}),
  })
  const { sim, store, bus } = cluster
  const conversationId = "ses_law"
  const host = sim.process()
  const names = Array.from({ length: history.users }, (_, i) => `u${i}`)
  const calls: Array<AiCall & { readonly node: number }> = []
  const messages: Array<string> = []
  const answers: Array<string> = []
  const sent: Array<Sending> = []
  const problems: Array<string> = []
  let crashes = 0
  let healed = false

  const record = store.onCommit
  store.onCommit = (commit, outcome) => {
    record(commit, outcome)
    for (const item of outcome.items)
      if (item.kind === "message" && !messages.includes(item.id)) {
        messages.push(item.id)
        if (item.answer !== undefined) answers.push(item.id)
      }
  }
  const start = (index: number): Node =>
    cluster.start({
      ai: [
        scriptedAi("scripted", (call) => {
          calls.push({ ...call, node: index })
          call.emit({ type: "started" })
        }),
      ],
    })
  const nodes: [Node, Node] = [start(0), start(1)]
  seedConversation(sim, store, { id: conversationId, type: kind, members: names })
  const log = (): LogModel => cluster.logs.get(conversationId) as LogModel
  const readers = Array.from({ length: history.readers }, (_, i) =>
    makeReader(sim, conversationId, user(names[i % names.length] as string), marks),
  )
  store.faults.latency = 3
  store.faults.failing = options.failing

  const anyNode = (): Node => {
    const running = nodes.filter(({ process }) => !process.paused())
    return running[sim.int(running.length - 1)] as Node
  }
  const back = (ids: ReadonlyArray<string>, n: number): string | undefined => ids.at(-1 - (n % Math.max(1, ids.length)))
  /** Mostly one that is open: there is more to happen to it. */
  const anAnswer = (n: number): string => {
    const open = answers.filter(isOpen)
    return back(open.length > 0 && sim.random() < 0.8 ? open : answers, n) ?? ""
  }
  /** An owner that was paused may call its provider when another has long done so. */
  const callOf = (id: string) => calls.findLast(({ request, released }) => request.requestId === id && !released())
  const newest = (id: string): Item | undefined => log().newest(id) as Item | undefined
  const isJoined = (name: string): boolean => log().newest(`mem_${name}`)?.status === "joined"
  const isOpen = (id: string): boolean => {
    const item = newest(id)
    return item?.kind === "message" && ["pending", "streaming", "stopping"].includes(item.answer?.state ?? "")
  }
  const request = (name: string, frame: Record<string, unknown>): Fiber.Fiber<object, EngineError> => {
    const node = anyNode()
    return node.process.fork(node.gateway.dispatch(user(name), { id: "r", conversationId, ...frame } as unknown as Dispatched))
  }
  const name = (index: number): string => names[index % names.length] as string

  const resume = (reader: Reader): void => {
    const luck = sim.random()
    // Now and then a client that mixed up its cursor: of another store, of the future, or none at all.
    const odd = luck < 0.03 ? "other.3" : luck < 0.06 ? `${log().epoch}.99999` : luck < 0.08 ? "no cursor" : undefined
    const pace = healed ? "at once" : (PACES[sim.int(PACES.length - 1)] as Pace)
    if (sim.random() < 0.6) reader.connect(anyNode(), pace, odd)
    else reader.poll(anyNode(), sim.random() < 0.5 ? 0 : 400, odd)
  }

  const crash = (index: number): void => {
    const node = nodes[index] as Node
    if (crashes >= MAX_CRASHES || nodes.some(({ process }) => process.paused())) return
    crashes++
    const orphans = readers.filter((reader) => reader.node() === node)
    const luck = sim.random()
    if (luck < 0.4) {
      // It comes back with all it was about to do, when others have long taken over.
      node.process.pause()
      host.later(TIMING.lease * (1 + sim.random()), () => node.process.resume())
      marks.see("a node was paused for longer than its leases")
    } else if (luck < 0.8) {
      node.kill()
      nodes[index] = start(index)
    } else {
      node.stop()
      nodes[index] = start(index)
      marks.see("a node stopped in order")
    }
    for (const reader of orphans) {
      reader.cut()
      if (sim.random() < 0.7) resume(reader)
    }
  }

  const finished = new Set<string>()
  const stop = (index: number, messageId: string): void => {
    request(name(index), { type: "stop_answer", messageId }).addObserver((exit) => {
      const state = Exit.isSuccess(exit) ? (exit.value as { readonly state?: string }).state : undefined
      if (state === "stopping") stopped.add(messageId)
      if (finished.has(messageId) && state !== undefined)
        marks.see(
          state === "complete"
            ? "completion came before a stop"
            : state === "stopping"
              ? "stop came before a completion"
              : "stop came twice",
        )
    })
  }
  const stopped = new Set<string>()

  const play = (command: Command): void => {
    switch (command.do) {
      case "send": {
        const clientMessageId = `c${sent.length}`
        const replyTo = command.replyTo === undefined ? undefined : back(messages, command.replyTo)
        const text = command.text.trim() === "" ? "words" : command.text
        const frame = { type: "send_message", clientMessageId, text, ...(replyTo === undefined ? {} : { replyTo }) }
        return void sent.push({
          user: command.user,
          clientMessageId,
          text: JSON.stringify(frame),
          replies: [request(name(command.user), frame)],
          altered: [],
        })
      }
      case "send again": {
        const first = sent.at(-1 - (command.message % Math.max(1, sent.length)))
        if (first === undefined) return
        const frame = JSON.parse(first.text) as Record<string, unknown>
        if (command.altered) first.altered.push(request(name(first.user), { ...frame, text: `${String(frame["text"])}!` }))
        else first.replies.push(request(name(first.user), frame))
        return
      }
      case "edit": {
        const message = newest(back(messages, command.message) ?? "")
        if (message === undefined) return
        const base = command.staleBase ? Math.max(1, message.change - 1) : message.change
        const text = command.text.trim() === "" ? "other words" : command.text
        return void request(name(command.user), { type: "edit_message", messageId: message.id, base, text })
      }
      case "delete": {
        const messageId = back(messages, command.message)
        return messageId === undefined ? undefined : void request(name(command.user), { type: "delete_message", messageId })
      }
      case "react":
      case "unreact": {
        const messageId = back(messages, command.message)
        if (messageId === undefined) return
        const remove = command.do === "unreact"
        return void request(name(command.user), { type: "message_reaction", messageId, emoji: command.emoji, remove })
      }
      case "invite":
        return void (kind === "session"
          ? undefined
          : request(name(command.user), { type: "update_conversation", invite: [name(command.whom)] }))
      case "join":
      case "leave":
        if (kind === "private") return void request(name(command.user), { type: `${command.do}_room` })
        // The first one stays: somebody has to be there at the end.
        return command.user === 0
          ? undefined
          : putMember(sim, store, conversationId, name(command.user), command.do === "join" ? "joined" : "left")
      case "stop answer":
      case "regenerate": {
        const messageId = anAnswer(command.answer)
        if (messageId === "") return
        if (command.do === "regenerate") return void request(name(command.user), { type: "regenerate_answer", messageId })
        return stop(command.user, messageId)
      }
      case "claim answer": {
        const call = callOf(anAnswer(command.answer))
        return call === undefined || !isOpen(call.request.requestId) ? undefined : crash(call.node)
      }
      case "answer text":
        return callOf(anAnswer(command.answer))?.text(command.text)
      case "end answer": {
        const id = anAnswer(command.answer)
        const call = callOf(id)
        if (call === undefined) return
        if (command.how === "complete") {
          const stops = sim.random() < 0.3
          finished.add(id)
          if (stops && sim.random() < 0.5) stop(0, id)
          call.finish()
          return stops ? stop(0, id) : undefined
        }
        return command.how === "interrupted" ? call.cut() : call.fail(command.how === "blocked" ? "blocked" : "transient")
      }
      case "bus drops":
        return bus.drop(command.count)
      case "bus repeats":
        return bus.repeat(command.count)
      case "bus reorders":
        return bus.reorder(command.count)
      case "bus loses last":
        return bus.loseLast(command.count)
      case "cut":
        return readers[command.reader]?.cut()
      case "resubscribe": {
        const reader = readers[command.reader] as Reader
        return reader.transport() === "connection" && sim.random() < 0.3 ? reader.again() : resume(reader)
      }
      case "read history":
        return readers[command.reader]?.history(command.limit)
    }
  }
  const found: Array<Violation> = []
  const check = (): void => {
    for (const { model } of readers) found.push(...checkLaw(log(), model))
  }

  for (const reader of readers) resume(reader)
  history.commands.forEach((command, i) => {
    play(command)
    const luck = sim.random()
    sim.advance(luck < 0.1 ? 350 : luck < 0.5 ? sim.int(30) : sim.int(4))
    if (i % 7 === 6) check()
  })

  healed = true
  bus.heal()
  store.faults.failing = 0
  for (const reader of readers) reader.setPace("at once")
  const connectAll = (): void => {
    for (const reader of readers) if (reader.transport() === "none" && isJoined(reader.principal.userId)) resume(reader)
  }
  for (let passed = 0; passed < TIMING.lease * 3; passed += 1_000) {
    connectAll()
    sim.advance(1_000)
  }
  const stored = sim.run(store.leases.open(TENANT, conversationId))
  for (const { answer, checkpoint } of stored.filter(({ checkpoint: { revision } }) => revision > 0))
    for (const { model, principal } of readers) {
      const shown = model.texts.get(answer)
      // Taken over without a word since: the text so far means nothing any more.
      const late = (newest(answer) as Message).answer?.revision !== checkpoint.revision
      if (late || !isJoined(principal.userId)) continue
      if (shown?.revision !== checkpoint.revision || shown.text !== checkpoint.text)
        problems.push(`${answer} is at ${JSON.stringify(checkpoint)}, and a reader shows ${JSON.stringify(shown)}`)
      else marks.see("the text of an open answer was shown to its end")
    }
  for (let round = 0; round < 20 && (round === 0 || answers.some(isOpen)); round++) {
    connectAll()
    for (const call of calls) call.finish()
    sim.advance(700)
  }
  connectAll()
  sim.advance(1_500)
  check()

  const present = readers.filter(({ principal }) => isJoined(principal.userId))
  for (const { model, transport } of present)
    if (model.change !== log().head) problems.push(`a reader by ${transport()} is at ${model.change}, the head is ${log().head}`)
  for (const { transport, principal } of readers)
    if (!isJoined(principal.userId) && transport() !== "none") problems.push(`${principal.userId} left, and still reads`)
  if (marks.counts.has(TEXT_MISSING)) problems.push("a connection was sent text with a gap")
  if (answers.some(isOpen)) problems.push("an answer is open for ever")
  for (const id of stopped)
    if ((newest(id) as Message).answer?.state !== "stopped") problems.push(`${id} was stopped, and did not end as stopped`)
  for (const of of sent) problems.push(...sendProblems(of))
  for (const { level, message } of cluster.logged)
    if (level === "Error" && options.failing === 0) problems.push(`logged: ${JSON.stringify(message)}`)
  noteAnswers(log(), answers, marks)

  return {
    problems,
    violations: [
      ...log().violations,
      ...found,
      ...readers.flatMap(({ model }) => model.violations),
      ...present.slice(1).flatMap(({ model }) => agree((present[0] as Reader).model, model)),
    ],
  }
}
