/**
 * Random lives of one conversation, as plain data: what a few users do, how answers go on, and what the network does to readers
 * meanwhile. A property test interprets the commands against a real engine.
 *
 * Whom a command means is a number, so that every shrunk history is still one: users and readers by position; messages and
 * answers counted back from the newest (0) and taken modulo how many there are. A command that means nothing (no message yet,
 * a stopped answer to be stopped) is either skipped or must be refused; that is for the interpreter to know.
 */
import * as fc from "fast-check"
import { wellFormedText } from "./text.ts"

export const ENDINGS = ["complete", "failed", "interrupted", "blocked"] as const

export type Command =
  /** `ask`: the message is one that an assistant answers. */
  | { readonly do: "send"; readonly user: number; readonly text: string; readonly ask: boolean; readonly replyTo?: number }
  /** An earlier send once more, under its own clientMessageId; `altered`: with another text. */
  | { readonly do: "send again"; readonly message: number; readonly altered: boolean }
  | { readonly do: "edit"; readonly user: number; readonly message: number; readonly text: string; readonly staleBase: boolean }
  | { readonly do: "delete"; readonly user: number; readonly message: number }
  | { readonly do: "react" | "unreact"; readonly user: number; readonly message: number; readonly emoji: string }
  | { readonly do: "invite"; readonly user: number; readonly whom: number }
  | { readonly do: "join" | "leave"; readonly user: number }
  | { readonly do: "stop answer" | "regenerate"; readonly user: number; readonly answer: number }
  /** Somebody takes the answer over: its first owner, or the next after a crash. */
  | { readonly do: "claim answer"; readonly answer: number }
  | { readonly do: "answer text"; readonly answer: number; readonly text: string }
  | { readonly do: "end answer"; readonly answer: number; readonly how: (typeof ENDINGS)[number] }
  | BusFault
  | ReaderEvent

/** What happens to the next `count` events of the bus; `lose last`: the newest, with nothing after it to show the gap. */
export interface BusFault {
  readonly do: "bus drops" | "bus repeats" | "bus reorders" | "bus loses last"
  readonly count: number
}

export type ReaderEvent =
  | { readonly do: "cut" | "resubscribe"; readonly reader: number }
  | { readonly do: "read history"; readonly reader: number; readonly limit: number }

export interface HistoryOptions {
  readonly users?: number
  readonly readers?: number
  readonly maxCommands?: number
  /** Without answers there is no assistant: nobody asks, stops or regenerates. */
  readonly answers?: boolean
  readonly faults?: boolean
}

export interface History {
  readonly users: number
  readonly readers: number
  readonly commands: ReadonlyArray<Command>
}

const EMOJIS = ["👍", "❤️", "😀", "__proto__"]

export const history = (options: HistoryOptions = {}): fc.Arbitrary<History> => {
  const { users = 3, readers = 2, maxCommands = 40, answers = true, faults = true } = options
  const user = fc.nat({ max: users - 1 })
  const reader = fc.nat({ max: readers - 1 })
  // Mostly the newest: that is where races are.
  const recent = fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 2 }) }, { weight: 1, arbitrary: fc.nat({ max: 30 }) })
  const text = wellFormedText({ maxLength: 60 })
  const does = <const Verbs extends ReadonlyArray<Command["do"]>>(...verbs: Verbs): fc.Arbitrary<Verbs[number]> =>
    fc.constantFrom(...verbs)

  const talk: Weighted = [
    [
      8,
      fc.record(
        { do: does("send"), user, text, ask: answers ? fc.boolean() : fc.constant(false), replyTo: recent },
        { requiredKeys: ["do", "user", "text", "ask"] },
      ),
    ],
    [2, fc.record({ do: does("send again"), message: recent, altered: fc.boolean() })],
    [4, fc.record({ do: does("edit"), user, message: recent, text, staleBase: fc.boolean() })],
    [2, fc.record({ do: does("delete"), user, message: recent })],
    [5, fc.record({ do: does("react", "unreact"), user, message: recent, emoji: fc.constantFrom(...EMOJIS) })],
    [1, fc.record({ do: does("invite"), user, whom: user })],
    [2, fc.record({ do: does("join", "leave"), user })],
  ]
  const answering: Weighted = [
    [3, fc.record({ do: does("stop answer", "regenerate"), user, answer: recent })],
    [4, fc.record({ do: does("claim answer"), answer: recent })],
    [6, fc.record({ do: does("answer text"), answer: recent, text })],
    [3, fc.record({ do: does("end answer"), answer: recent, how: fc.constantFrom(...ENDINGS) })],
  ]
  const trouble: Weighted = [
    [
      4,
      fc.record({
        do: does("bus drops", "bus repeats", "bus reorders", "bus loses last"),
        count: fc.integer({ min: 1, max: 4 }),
      }),
    ],
    [4, fc.record({ do: does("cut", "resubscribe"), reader })],
    [1, fc.record({ do: does("read history"), reader, limit: fc.integer({ min: 1, max: 10 }) })],
  ]
  const weighted = [...talk, ...(answers ? answering : []), ...(faults ? trouble : [])]
  const command = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })))
  return fc.array(command, { maxLength: maxCommands, size: "max" }).map((commands) => ({ users, readers, commands }))
}

type Weighted = ReadonlyArray<readonly [number, fc.Arbitrary<Command>]>
