/** What must happen sometimes: a property over random lives proves little where they never come. */
import type { ModelFrame } from "@parley/testkit"

/** A client's way out, which a server that keeps the text of its open answers never makes it take. */
export const TEXT_MISSING = "subscribed again where text was missing"

export interface Marks {
  readonly see: (mark: string) => void
  readonly frame: (frame: ModelFrame, of: { readonly live: boolean; readonly slow: boolean }) => void
  readonly counts: ReadonlyMap<string, number>
}

export const makeMarks = (): Marks => {
  const counts = new Map<string, number>()
  const see = (mark: string): void => void counts.set(mark, (counts.get(mark) ?? 0) + 1)
  return {
    see,
    counts,
    frame: (frame, { live, slow }) => {
      switch (frame.type) {
        case "resync":
          return see(`resync ${frame.reason}`)
        case "unsubscribed":
          return see("unsubscribed")
        case "changes":
          if (frame.more) see(frame.window === undefined ? "page cut" : "window cut")
          if (frame.window !== undefined) return see("window")
          if (live) see(slow ? "slow reader left live mode" : "gap repaired for a live reader")
          return
        case "answer_snapshot":
          if (frame.offset > 0 && frame.text !== "") see("snapshot goes on in the middle")
          return
        case "answer_delta":
          return see("delta")
        default:
          return see("live change")
      }
    },
  }
}
