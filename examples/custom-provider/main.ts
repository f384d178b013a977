import { createChat, isTerminal, textOf } from "@parley/core"
import { memory } from "@parley/adapters/memory"
import { spellingProvider } from "./spelling-provider.ts"

const chat = await createChat({ storage: memory(), ai: [spellingProvider()] })
const me = chat.as({ userId: "ann" })
const { id } = await me.createSession()

asking: for (const question of ["Hello", "a very long question ".repeat(100)]) {
  const { answerId } = await me.send(id, question)
  for await (const frame of me.subscribe(id)) {
    if ("offset" in frame && frame.messageId === answerId && frame.offset > 20) await me.stop(id, answerId)
    for (const item of frame.type === "changes" ? frame.items : "item" in frame ? [frame.item] : []) {
      if (item.kind !== "message" || item.id !== answerId || !isTerminal(item.answer?.state ?? "pending")) continue
      console.log(item.answer?.state, textOf(item).slice(0, 10))
      continue asking
    }
  }
}
await chat.close()
