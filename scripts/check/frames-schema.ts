/** docs/frames.schema.json: every request frame and every server frame. */
import { REQUESTS } from "@parley/core/protocol"
import { REPLIES } from "../../packages/core/src/protocol/replies.ts"
import { SERVER_FRAMES } from "../../packages/core/src/protocol/server-frames.ts"
import { gatherDefinitions, type JsonSchema } from "./json-schema.ts"

const refs = (names: Iterable<string>) => Array.from(names, (name) => ({ $ref: `#/$defs/${name}` }))

export const framesSchema = (): JsonSchema => {
  const definitions = gatherDefinitions()
  const requests = Object.fromEntries(
    Object.entries(REQUESTS).map(([type, schema]) => [`request.${type}`, definitions.add(schema, true)]),
  )
  const frames = Object.fromEntries(
    Object.entries(SERVER_FRAMES).map(([type, schema]) => [`frame.${type}`, definitions.add(schema)]),
  )
  const replies = Object.fromEntries(Object.entries(REPLIES).map(([type, schema]) => [`reply.${type}`, definitions.add(schema)]))
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Parley frames",
    description:
      "request.* is what a client sends, exactly; frame.* what a server sends, where a newer one may add fields and types; reply.* what a reply holds besides, by the type of its request. docs/protocol.md says what they mean.",
    anyOf: [{ $ref: "#/$defs/Request" }, { $ref: "#/$defs/ServerFrame" }],
    $defs: {
      Request: { oneOf: refs(Object.keys(requests)) },
      ServerFrame: { oneOf: refs(Object.keys(frames)) },
      ...requests,
      ...frames,
      ...replies,
      ...definitions.all(),
    },
  }
}
