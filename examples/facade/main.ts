import { createChat, isTerminal } from "@parley/core"
import { knowledgeAssistant } from "@parley/adapters/knowledge"
import { memory } from "@parley/adapters/memory"

const chat = await createChat({ storage: memory(), ai: [knowledgeAssistant()] })
const me = chat.as({ userId: "ann" })
const { id } = await me.createSession()
await me.send(id, "What is Parley?")
let shown = 0
for await (const frame of me.subscribe(id)) {
  if ("offset" in frame) {
    process.stdout.write(frame.text.slice(Math.max(0, shown - frame.offset)))
    shown = frame.offset + frame.text.length
  } else if ("item" in frame && frame.item.kind === "message" && isTerminal(frame.item.answer?.state ?? "pending")) break
}
await chat.close()
