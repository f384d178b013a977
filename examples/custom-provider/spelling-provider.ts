import { setTimeout as sleep } from "node:timers/promises"
import type { PlainAiProvider } from "@parley/core"

/** Spells the question back, a letter at a time. Where it sleeps, yours calls a model and hands the signal on. */
export const spellingProvider = (paceMs = 20): PlainAiProvider => ({
  name: "spelling",
  async *stream({ messages }, { signal }) {
    const question = messages.at(-1)?.text ?? ""
    // The class says what to do about it; "unusable" goes on to the next provider of the chain.
    if (!/[a-z]/iu.test(question)) throw Object.assign(new Error("there is nothing to spell"), { class: "unusable" })
    yield { type: "started" }
    for (const letter of question) {
      await sleep(paceMs, undefined, { signal })
      yield { type: "text", text: `${letter.toUpperCase()}-` }
    }
    yield { type: "finished", reason: "stop" }
  },
})
