/**
 * What holds between an older and a newer version of one item, with any number of versions between them. The log is judged by it
 * version by version, a client by those it happened to see.
 */
import { type Violation, violation } from "./violation.ts"
import { canonical, contentOf, isOpenAnswer, isTerminalAnswer, type WireItem, wordsOf } from "./wire-item.ts"

/** What holds of one version alone. */
export const checkVersion = (item: WireItem): ReadonlyArray<Violation> =>
  isOpenAnswer(item) && wordsOf(item) !== ""
    ? [violation("open_with_text", `an answer in state ${item.answer?.state} carries text`, item.id)]
    : []

export const checkSuccession = (before: WireItem, after: WireItem): ReadonlyArray<Violation> => {
  const found: Array<Violation> = []
  const broken = (kind: Violation["kind"], detail: string) => found.push(violation(kind, detail, after.id))

  const identityOf = ({ kind, seq, createdAt, author, userId, messageId }: WireItem) =>
    canonical([kind, seq, createdAt, author, userId, messageId])
  if (identityOf(before) !== identityOf(after))
    broken(
      "identity_changed",
      `${identityOf(before)} became ${identityOf(after)}: kind, seq, date of birth, author or owner moved`,
    )

  if (before.deleted !== undefined && withoutStamps(before) !== withoutStamps(after))
    broken("tombstone_changed", `changed again at ${after.change}`)

  if (before.answer !== undefined && after.answer !== undefined) {
    const [was, is] = [before.answer, after.answer]
    if (is.revision < was.revision) broken("revision_backwards", `revision ${was.revision} became ${is.revision}`)
    if (isTerminalAnswer(before)) {
      if (is.state !== was.state) broken("terminal_changed", `${was.state} became ${is.state}`)
      // Erasure is the one thing that may still happen to the text.
      else if (after.deleted === undefined && wordsOf(before) !== wordsOf(after))
        broken("terminal_changed", `the text of a ${was.state} answer changed`)
    } else if (was.state === "stopping" && is.state !== "stopping" && is.state !== "stopped")
      broken("stop_lost", `stopping became ${is.state}`)
  }
  return found
}

const withoutStamps = ({ change: _change, updatedAt: _updatedAt, ...rest }: WireItem): string => contentOf({ ...rest, change: 0 })
