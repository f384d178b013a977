import { createChat, textOf } from "@parley/core"
import { mapStore } from "./store.ts"

const chat = await createChat({ storage: mapStore() })
const [ann, ben] = [chat.as({ userId: "ann" }), chat.as({ userId: "ben" })]
const { id } = await ann.createRoom({ type: "private", name: "two of us", invite: ["ben"] })
await ben.join(id)
await ann.send(id, "Does it keep this?")
await ben.send(id, "In order, and once.")
for (const item of (await ann.history(id)).messages)
  if (item.kind === "message" && item.author.kind === "user") console.log(textOf(item))
await chat.close()
