/** The tables of docs/protocol.md that follow from the code, by the name of their place in the page. */
import { DEFAULT_LIMITS, DEFAULT_TIMING } from "@parley/core"
import { CLOSE_CODES, closeReaction, REQUESTS } from "@parley/core/protocol"
import { ROUTES } from "../../packages/adapters/src/http/routes.ts"
import { makeWelcome } from "../../packages/core/src/gateway/welcome.ts"
import { REPLIES } from "../../packages/core/src/protocol/replies.ts"
import { SERVER_FRAMES } from "../../packages/core/src/protocol/server-frames.ts"
import { fieldName, gatherDefinitions, inWords, type JsonSchema } from "./json-schema.ts"

const definitions = gatherDefinitions()
const resolve = (schema: JsonSchema): JsonSchema => {
  const target = schema["$ref"] as string | undefined
  return target === undefined ? schema : (definitions.all()[target.split("/").at(-1) as string] as JsonSchema)
}

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

const ENVELOPE = new Set(["type", "id"])

const fieldsOf = (schema: JsonSchema, hidden: ReadonlySet<string> = ENVELOPE): string => {
  const resolved = resolve(schema)
  return Object.entries((resolved["properties"] ?? {}) as Record<string, JsonSchema>)
    .filter(([name]) => !hidden.has(name))
    .map(([name, field]) => {
      const note = field["description"] as string | undefined
      return `${fieldName(resolved, name)} ${inWords(field)}${note === undefined ? "" : ` (${note})`}`
    })
    .join("; ")
}

/** What many replies have in common is told once. */
const replyOf = (reply: JsonSchema): string => (reply["$ref"] === "#/$defs/Changed" ? "Changed" : fieldsOf(reply))

const requests = (): string =>
  table(
    ["request", "fields", "reply"],
    Object.entries(REQUESTS).map(([type, schema]) => {
      const reply = (REPLIES as Readonly<Record<string, Parameters<typeof definitions.add>[0]>>)[type]
      return [
        `\`${type}\``,
        fieldsOf(definitions.add(schema, true)) || "none",
        reply === undefined ? "a `pong` frame" : replyOf(definitions.add(reply)),
      ]
    }),
  )

const HIDDEN_TYPE = new Set(["type"])

/** Types of the same fields share a row. */
const frames = (): string => {
  const rows = new Map<string, Array<string>>()
  for (const [type, schema] of Object.entries(SERVER_FRAMES)) {
    const fields = fieldsOf(definitions.add(schema), HIDDEN_TYPE)
    rows.set(fields, [...(rows.get(fields) ?? []), `\`${type}\``])
  }
  return table(
    ["frame", "fields"],
    Array.from(rows, ([fields, types]) => [types.join(", "), fields]),
  )
}

const OBJECTS = [
  "Changed",
  "Listing",
  "Conversation",
  "Member",
  "Message",
  "Answer",
  "Reactions",
  "Part",
  "Author",
  "AnswerState",
  "Mine",
  "Users",
  "ErrorBody",
]

const objects = (): string => {
  for (const schema of [...Object.values(SERVER_FRAMES), ...Object.values(REPLIES)]) definitions.add(schema)
  return table(
    ["object", "fields"],
    OBJECTS.map((name) => {
      const schema = definitions.all()[name] as JsonSchema
      if (schema["anyOf"] !== undefined) return [name, variants(schema["anyOf"] as ReadonlyArray<JsonSchema>)]
      if (schema["properties"] !== undefined) return [name, fieldsOf(schema, new Set())]
      const note = schema["description"] as string | undefined
      return [name, `${inWords(schema)}${note === undefined ? "" : ` (${note})`}`]
    }),
  )
}

const variants = (all: ReadonlyArray<JsonSchema>): string => all.map((one) => `{ ${fieldsOf(one, new Set())} }`).join(" or ")

const limits = (): string => {
  const welcome = JSON.parse(makeWelcome(DEFAULT_LIMITS, DEFAULT_TIMING)("ann")) as {
    readonly limits: Readonly<Record<string, number>>
  }
  definitions.add(SERVER_FRAMES.welcome)
  const notes = (definitions.all()["WelcomeLimits"] as JsonSchema)["properties"] as Readonly<Record<string, JsonSchema>>
  return table(
    ["limit", "default", "meaning"],
    Object.entries(welcome.limits).map(([name, value]) => {
      const note = notes[name]?.["description"] as string | undefined
      if (note === undefined) throw new Error(`say in server-frames.ts what the limit ${name} means`)
      return [`\`${name}\``, String(value), note]
    }),
  )
}

const routes = (): string => {
  const frameRoutes = ROUTES.flatMap((route) => (route.kind === "frame" ? [route] : []))
  const shown = (path: string): string => path.replace(/:(\w+)/gu, "{$1}")
  const isTwin = (path: string): boolean =>
    path.startsWith("rooms") && frameRoutes.some((route) => route.path === path.replace("rooms", "sessions"))
  return table(
    ["route", "frame", "status", "from the query"],
    frameRoutes
      .filter(({ path, type }) => !isTwin(path) || type === "create_room")
      .map(({ method, path, type, sets, only, status, query }) => [
        `\`${method} ${shown(path)}\``,
        `\`${type}\`${only === undefined ? "" : ", one Listing alone"}${sets?.["remove"] === undefined ? "" : `, \`remove\` ${JSON.stringify(sets["remove"])}`}`,
        String(status ?? 200),
        Object.keys(query ?? {})
          .map((name) => `\`${name}\``)
          .join(" "),
      ]),
  )
}

const REACTIONS = { reconnect: "connect again", refresh_token: "get a new token, then connect again", stop: "stop" }
const closeCodes: Readonly<Record<string, number>> = CLOSE_CODES

export const protocolTables = (): Readonly<Record<string, string>> => ({
  requests: requests(),
  frames: frames(),
  objects: objects(),
  limits: limits(),
  routes: routes(),
  "close codes": table(
    ["code", "reason", "do"],
    Object.entries(closeCodes).map(([reason, code]) => [String(code), `\`${reason}\``, REACTIONS[closeReaction(code)]]),
  ),
})
