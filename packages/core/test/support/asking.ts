/** A session with a question in it, and an assistant that waits to be told what to say. */
import type { AnswerFields, AnswerState } from "../../src/domain/answer.ts"
import { type Item, type Message, textOf } from "../../src/domain/item.ts"
import type { Limits, Timing } from "../../src/policy/limits.ts"
import { type Cluster, makeCluster, type Node, user } from "./cluster.ts"
import { TENANT } from "./conversations.ts"
import { type AiCall, scriptedAi } from "./scripted-ai.ts"

export const ann = user("ann")

export interface Asked {
  readonly conversationId: string
  readonly turn: string
  readonly answer: string
}

export interface Asking {
  readonly cluster: Cluster
  /** In the order they came, of every node. */
  readonly calls: Array<AiCall>
  /** The newest call for an answer. */
  readonly callOf: (answer: string) => AiCall
  /** `silent`: it makes answers and generates none. */
  readonly start: (options?: { readonly silent?: boolean }) => Node
  readonly ask: (node: Node, text?: string) => Asked
  readonly item: (id: string) => Item
  readonly answer: (id: string) => AnswerFields & { readonly text: string; readonly message: Message }
  readonly state: (id: string) => AnswerState
}

export const makeAsking = (
  options: {
    readonly seed?: number
    readonly limits?: Partial<Limits>
    readonly timing?: Partial<Timing>
    readonly latency?: number
  } = {},
): Asking => {
  const cluster = makeCluster({ ...options, busLatency: options.latency ?? 0 })
  const { sim, store } = cluster
  store.faults.latency = options.latency ?? 0
  const calls: Array<AiCall> = []
  let conversation = ""

  const item = (id: string): Item => sim.run(store.log.get({ tenant: TENANT, conversation, items: [id] }))?.items[0] as Item
  const answer: Asking["answer"] = (id) => {
    const message = item(id) as Message
    return { ...(message.answer as AnswerFields), text: textOf(message), message }
  }
  return {
    cluster,
    calls,
    callOf: (id) => calls.findLast(({ request }) => request.requestId === id) as AiCall,
    start: ({ silent = false } = {}) =>
      cluster.start({
        ai: [
          scriptedAi("scripted", (call) => {
            calls.push(call)
            call.emit({ type: "started" })
          }),
        ],
        ...(silent ? { limits: { maxAnswers: 0 } } : {}),
      }),
    ask: (node, text = "why?") => {
      if (conversation === "") conversation = sim.run(node.engine.createSession(ann, {}), node.process).conversationId
      const sent = sim.run(
        node.engine.sendMessage(ann, { conversationId: conversation, clientMessageId: `c${sim.now()}.${sim.random()}`, text }),
        node.process,
      )
      sim.advance(50)
      return { conversationId: conversation, turn: sent.itemId, answer: sent.answer?.itemId as string }
    },
    item,
    answer,
    state: (id) => answer(id).state,
  }
}

/** The code that an effect is refused with. */
export const codeOf = (exit: import("effect/Exit").Exit<unknown, unknown>): string | undefined => {
  if (exit._tag === "Success") return undefined
  const [reason] = exit.cause.reasons
  return reason?._tag === "Fail" ? (reason.error as { readonly code?: string }).code : `${reason?._tag}`
}
