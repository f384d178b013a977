/**
 * The life of an answer.
 *
 *     pending ──claimed──▶ streaming ──completed──▶ complete
 *        │                    │  ├─────failed─────▶ failed
 *        │                    │  ├─────interrupted▶ interrupted
 *        │                    │  └─────blocked────▶ blocked
 *        └──────stop──────────┴──▶ stopping ──any ending──▶ stopped
 *
 * A pending answer may end in the same ways, when whoever takes it finds that it cannot begin.
 *
 * Invariants:
 * - A1 one terminal state, which never changes.
 * - A2 from `stopping` every ending is `stopped`: a stop beats a completion that comes after it.
 * - A3 `revision` never decreases; a claim starts a greater one.
 * - A4 an open answer's item has no text; its terminal item carries all of it.
 * - A5 a deleted answer ends as a tombstone in state `stopped`.
 */
import type { MessageBody, Part } from "./item.ts"

export const OPEN_STATES = ["pending", "streaming", "stopping"] as const
export const TERMINAL_STATES = ["complete", "failed", "interrupted", "blocked", "stopped"] as const
export type OpenState = (typeof OPEN_STATES)[number]
export type TerminalState = (typeof TERMINAL_STATES)[number]
export type AnswerState = OpenState | TerminalState

/** One call of a provider, recorded on the answer. */
export interface Attempt {
  readonly provider: string
  readonly model?: string
  /** `complete`, or the class of the error that ended it. */
  readonly outcome: string
  readonly ms: number
  readonly usage?: Usage
}

/** Tokens as the provider counted them; unknown is absent, never 0. */
export interface Usage {
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly estimated?: boolean
}

/** Why an answer ended without being complete: a code of the error registry. */
export interface AnswerError {
  readonly code: string
  readonly message: string
}

/** What came of it, once it has ended. */
export interface AnswerResult {
  /** The provider and model that really answered. */
  readonly provider?: string
  readonly model?: string
  /** `length` when the text was cut at a limit. */
  readonly finish?: "stop" | "length"
  readonly error?: AnswerError
  readonly attempts?: ReadonlyArray<Attempt>
  readonly usage?: Usage
}

export interface AnswerFields extends AnswerResult {
  readonly state: AnswerState
  /** The user's message that is answered. */
  readonly turn: string
  /** The nth answer of the turn, from 1. */
  readonly variant: number
  /** Names the text: a take-over, recovery or restart begins a greater one. 0 before the first claim. */
  readonly revision: number
  /** The answer this one replaces. */
  readonly replaces?: string
  /** Deleted while open: the ending is a tombstone. */
  readonly deletedBy?: string
}

/** An ending as its owner sees it; the machine decides which state it becomes. */
export interface Ending extends AnswerResult {
  readonly state: TerminalState
  readonly parts: ReadonlyArray<Part>
  readonly revision: number
}

export type AnswerEvent =
  | { readonly type: "claimed"; readonly revision: number }
  | { readonly type: "stopped"; readonly deletedBy?: string }
  | ({ readonly type: "ended" } & Ending)

export type AnswerMessage = MessageBody & { readonly answer: AnswerFields }

export type AnswerTransition =
  | { readonly type: "changed"; readonly message: AnswerMessage }
  /** The event alters nothing: no put. */
  | { readonly type: "unchanged" }

export const isTerminal = (state: AnswerState): state is TerminalState =>
  (TERMINAL_STATES as ReadonlyArray<string>).includes(state)
export const isOpen = (state: AnswerState): state is OpenState => !isTerminal(state)
export const isAnswer = (message: MessageBody): message is AnswerMessage => message.answer !== undefined
/** An answer whose text still moves: what subscriptions add a snapshot for. */
export const isOpenAnswer = (message: MessageBody): boolean => message.answer !== undefined && isOpen(message.answer.state)

const UNCHANGED: AnswerTransition = { type: "unchanged" }

export const newAnswer = (input: {
  readonly id: string
  readonly assistant: string
  readonly turn: string
  readonly variant: number
  readonly replaces?: string
}): AnswerMessage => ({
  kind: "message",
  id: input.id,
  v: 1,
  author: { kind: "assistant", id: input.assistant },
  type: "ai_response",
  parts: [],
  replyTo: input.turn,
  answer: {
    state: "pending",
    turn: input.turn,
    variant: input.variant,
    revision: 0,
    ...(input.replaces === undefined ? {} : { replaces: input.replaces }),
  },
})

export const transitionAnswer = (message: AnswerMessage, event: AnswerEvent): AnswerTransition => {
  const { answer } = message
  if (isTerminal(answer.state)) return UNCHANGED
  switch (event.type) {
    case "claimed":
      // A stopped answer is claimed only to be ended: the state must keep saying so.
      if (answer.state === "stopping" || event.revision <= answer.revision) return UNCHANGED
      return { type: "changed", message: { ...message, answer: { ...answer, state: "streaming", revision: event.revision } } }
    case "stopped": {
      const deleting = event.deletedBy !== undefined && answer.deletedBy === undefined
      if (answer.state === "stopping" && !deleting) return UNCHANGED
      return {
        type: "changed",
        message: { ...message, answer: { ...answer, state: "stopping", ...(deleting ? { deletedBy: event.deletedBy } : {}) } },
      }
    }
    case "ended": {
      const { type: _type, ...ending } = event
      return { type: "changed", message: ended(message, ending) }
    }
  }
}

const ended = (message: AnswerMessage, ending: Ending): AnswerMessage => {
  const { answer } = message
  const { state: seen, revision, parts, error, ...result } = ending
  const state = answer.state === "stopping" ? "stopped" : seen
  const fields: AnswerFields = {
    ...answer,
    ...result,
    state,
    revision: Math.max(answer.revision, revision),
    // A stopped answer did not fail: what went wrong after the stop is nobody's news.
    ...(error === undefined || state === "stopped" ? {} : { error }),
  }
  return answer.deletedBy === undefined
    ? { ...message, parts, answer: fields }
    : { ...message, parts: [], answer: fields, deleted: { by: answer.deletedBy } }
}
