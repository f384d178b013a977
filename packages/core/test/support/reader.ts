/**
 * A client of one conversation: the model's reducer, fed over a real connection or by polling, with its cursor and held answers carried from one
 * to the next. It does what a client has to: it drops what an older subscription still sends, and subscribes again where text is missing.
 */
import { ClientModel, isModelFrame, type ModelFrame } from "@parley/testkit"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Principal } from "../../src/domain/principal.ts"
import type { ServerFrame } from "../../src/protocol/frames.ts"
import { parseHeldAnswer } from "../../src/protocol/held-answers.ts"
import type { Node } from "./cluster.ts"
import { type Marks, TEXT_MISSING } from "./marks.ts"
import type { Simulation } from "./simulation.ts"
import { openWire, type Pace, type Wire } from "./wire.ts"

export interface Reader {
  readonly model: ClientModel
  readonly principal: Principal
  readonly node: () => Node | undefined
  readonly transport: () => "none" | "connection" | "poll"
  /** `cursor` replaces the one held, as a client would that mixed something up. */
  readonly connect: (node: Node, pace: Pace, cursor?: string) => void
  readonly poll: (node: Node, wait: number, cursor?: string) => void
  /** Subscribes again over the same connection. */
  readonly again: () => void
  readonly setPace: (pace: Pace) => void
  readonly cut: () => void
  readonly history: (limit: number) => void
}

export const makeReader = (sim: Simulation, conversationId: string, principal: Principal, marks: Marks): Reader => {
  const model = new ClientModel(conversationId)
  const host = sim.process()
  let transport: "none" | "connection" | "poll" = "none"
  let node: Node | undefined
  let wire: Wire | undefined
  let pace: Pace = "at once"
  /** The request whose reply opens the newest subscription: until it comes, frames belong to an older one. */
  let asked: string | undefined
  let historyRequest: string | undefined
  let live = false
  let stopPolling: () => void = () => {}

  const accept = (frame: ModelFrame): void => {
    marks.frame(frame, { live, slow: pace !== "at once" })
    if (frame.type.endsWith("_changed") || frame.type.startsWith("message_") || frame.type === "new_message") live = true
    model.accept(frame)
  }
  const subscribe = (cursor?: string): void => {
    const { cursor: held, answers } = model.subscribe()
    live = false
    const named = cursor ?? held
    asked = wire?.send({
      type: "subscribe",
      conversationId,
      ...(named === undefined ? {} : { cursor: named }),
      ...(answers.length === 0 ? {} : { answers }),
    })
  }
  const onFrame = (frame: ServerFrame): void => {
    if (frame.type === "reply" && frame.id === asked) asked = undefined
    else if (frame.type === "error" && frame.id === asked) reader.cut()
    else if (frame.type === "reply" && frame.id === historyRequest) readHistory(frame as never)
    else if (isModelFrame(frame) && asked === undefined) {
      accept(frame as ModelFrame)
      if (frame.type === "unsubscribed") return reader.cut()
      if (model.needsResubscribe) {
        marks.see(TEXT_MISSING)
        subscribe()
      }
    }
  }
  const readHistory = (reply: { readonly asOf: string; readonly messages: []; readonly reactions: [] }): void => {
    const [epoch, change] = reply.asOf.split(".") as [string, string]
    model.acceptHistory({ epoch, asOf: Number(change), items: [...reply.messages, ...reply.reactions] })
  }

  const reader: Reader = {
    model,
    principal,
    node: () => node,
    transport: () => transport,
    connect: (to, at, cursor) => {
      reader.cut()
      pace = at
      wire = openWire(sim, to, { principal, pace, onFrame, onClose: () => reader.cut() })
      if (wire === undefined) return
      node = to
      transport = "connection"
      subscribe(cursor)
    },
    again: () => {
      if (transport === "connection") subscribe()
    },
    poll: (to, wait, cursor) => {
      reader.cut()
      node = to
      transport = "poll"
      let named = cursor
      const round = (): void => {
        const { cursor: held, answers } = model.subscribe()
        const at = named ?? held
        named = undefined
        const fiber = to.process.fork(
          to.gateway.sync(principal, {
            conversations: [{ conversationId, ...(at === undefined ? {} : { cursor: at }) }],
            answers: answers.flatMap((text) => parseHeldAnswer(text) ?? []),
            wait,
          }),
        )
        let over = false
        stopPolling = () => {
          over = true
          model.cut()
          if (to.process.alive()) to.process.fork(Effect.asVoid(Fiber.interrupt(fiber)))
        }
        fiber.addObserver((exit) => {
          if (over) return
          const frames = Exit.isSuccess(exit) ? exit.value.frames : []
          for (const frame of frames) if (isModelFrame(frame)) accept(frame as ModelFrame)
          const gone = frames.some((frame) => frame.type === "unsubscribed")
          model.cut()
          if (gone) return reader.cut()
          host.later(1 + sim.int(wait === 0 ? 150 : 5), () => over || round())
        })
      }
      round()
    },
    setPace: (to) => {
      pace = to
      wire?.setPace(to)
    },
    cut: () => {
      stopPolling()
      stopPolling = () => {}
      wire?.cut()
      wire = undefined
      asked = undefined
      historyRequest = undefined
      transport = "none"
      node = undefined
      model.cut()
    },
    history: (limit) => {
      if (transport !== "connection" || model.from === undefined || model.from <= 1) return
      historyRequest = wire?.send({ type: "get_history", conversationId, before: model.from, limit })
    },
  }
  return reader
}
