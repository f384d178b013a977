/** What is judged of a life once it is over, besides the law. */
import type { LogModel } from "@parley/testkit"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { AnswerFields } from "../../src/domain/answer.ts"
import type { Message } from "../../src/domain/item.ts"
import type { EngineError } from "../../src/engine/environment.ts"
import type { Sent } from "../../src/engine/send-message.ts"
import type { Marks } from "./marks.ts"

/** One send, and every try of it. */
export interface Sending {
  readonly user: number
  readonly clientMessageId: string
  readonly text: string
  readonly replies: Array<Fiber.Fiber<object, EngineError>>
  readonly altered: Array<Fiber.Fiber<object, EngineError>>
}

/** All who were told that a send is stored were told the same; another body under its key never was. */
export const sendProblems = ({ clientMessageId, replies, altered }: Sending): ReadonlyArray<string> => {
  const numbers = replies.flatMap((fiber) => {
    const exit = fiber.pollUnsafe()
    if (exit === undefined || Exit.isFailure(exit)) return []
    const { itemId, seq, change, answer } = exit.value as Sent
    return [JSON.stringify([itemId, seq, change, answer?.itemId, answer?.seq, answer?.change])]
  })
  const two = new Set(numbers).size > 1 ? [`${clientMessageId} was acknowledged as ${numbers.join(" and ")}`] : []
  const both =
    numbers.length > 0 &&
    altered.some((fiber) => {
      const exit = fiber.pollUnsafe()
      return exit !== undefined && Exit.isSuccess(exit)
    })
      ? [`${clientMessageId} was acknowledged with two bodies`]
      : []
  return [...two, ...both]
}

export const noteAnswers = (log: LogModel, answers: ReadonlyArray<string>, marks: Marks): void => {
  for (const id of answers) {
    const answer = (log.newest(id) as Message).answer as AnswerFields
    marks.see(`answer ${answer.state}`)
    if (answer.revision > 1) marks.see("taken over")
    if (answer.variant > 1) marks.see("regenerated")
  }
}
