/** docs/openapi.json: the HTTP routes, with the bodies that their schemas allow. */
import { DEFAULT_LIMITS } from "@parley/core"
import { REQUESTS } from "@parley/core/protocol"
import { type FrameRoute, ROUTES } from "../../packages/adapters/src/http/routes.ts"
import { REPLIES } from "../../packages/core/src/protocol/replies.ts"
import { SERVER_FRAMES } from "../../packages/core/src/protocol/server-frames.ts"
import { gatherDefinitions, type JsonSchema } from "./json-schema.ts"

const definitions = gatherDefinitions()
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const json = (schema: JsonSchema) => ({ "application/json": { schema } })
const named = (name: string, place: "path" | "query" | "header", schema: JsonSchema, rest: JsonSchema = {}) => ({
  name,
  in: place,
  ...(place === "path" ? { required: true } : {}),
  ...rest,
  schema,
})

const ERRORS = { "4XX": { $ref: "#/components/responses/Error" }, "5XX": { $ref: "#/components/responses/Error" } }

const CONVERSATIONS = named(
  "c",
  "query",
  { type: "array", items: { type: "string" }, minItems: 1, maxItems: DEFAULT_LIMITS.maxSyncConversations },
  { required: true, description: "each `conversationId` or `conversationId@cursor`" },
)
const ANSWERS = named(
  "a",
  "query",
  { type: "array", items: { type: "string" }, maxItems: 50 },
  { description: "each `messageId@revision.length`: open answers whose text you hold" },
)
const FRAMES = {
  type: "object",
  properties: { frames: { type: "array", items: ref("ServerFrame") } },
  required: ["frames"],
}
const NONE_MATCH = named("If-None-Match", "header", { type: "string" })
const synced = (summary: string, parameters: ReadonlyArray<JsonSchema>) => ({
  summary,
  parameters: [...parameters, NONE_MATCH],
  responses: {
    200: { description: "What is new, as frames", headers: { ETag: { schema: { type: "string" } } }, content: json(FRAMES) },
    304: { description: "Nothing new since the answer with this ETag" },
    ...ERRORS,
  },
})

/** The routes that are no single frame. */
const own = (): Readonly<Record<string, JsonSchema>> => ({
  commands: {
    summary: "Request frames, run in order; ends after the first failure that may pass",
    requestBody: {
      required: true,
      content: json({
        oneOf: [ref("Request"), { type: "array", items: ref("Request"), minItems: 1, maxItems: DEFAULT_LIMITS.maxBatch }],
      }),
    },
    responses: {
      200: {
        description: "One reply, error or pong for each frame that was run",
        content: json({
          type: "object",
          properties: {
            replies: { type: "array", items: { anyOf: [ref("frame.reply"), ref("frame.error"), ref("frame.pong")] } },
          },
          required: ["replies"],
        }),
      },
      ...ERRORS,
    },
  },
  sync: synced("Poll and long-poll", [
    CONVERSATIONS,
    ANSWERS,
    named("wait", "query", { type: "number", minimum: 0, maximum: 25 }, { description: "seconds to wait for something new" }),
  ]),
  events: {
    summary: "The frames of a subscription as server-sent events",
    parameters: [
      CONVERSATIONS,
      ANSWERS,
      named("ticket", "query", { type: "string" }, { description: "instead of a token; one of `tickets`" }),
      named("Last-Event-ID", "header", { type: "string" }),
    ],
    responses: {
      200: {
        description: "One server frame as JSON in each event's data",
        content: { "text/event-stream": { schema: { type: "string" } } },
      },
      ...ERRORS,
    },
  },
  tickets: {
    summary: "A ticket: opens one `events` or `ws` as `?ticket=…` instead of a token, from the page that asked for it",
    responses: {
      201: {
        description: "Made",
        content: json({
          type: "object",
          properties: { ticket: { type: "string" }, expiresIn: { type: "integer", description: "seconds" } },
          required: ["ticket", "expiresIn"],
        }),
      },
      ...ERRORS,
    },
  },
  messages: synced("`sync` for one conversation, without waiting", [
    named("sessionId", "query", { type: "string", minLength: 1, maxLength: 64 }, { required: true }),
    named("since", "query", { type: "string", maxLength: 64 }, { description: "a cursor" }),
  ]),
})

const frameOperation = (route: FrameRoute): JsonSchema => {
  const request = definitions.add(REQUESTS[route.type], true)
  const fields = request["properties"] as Readonly<Record<string, JsonSchema>>
  const inPath = [...route.path.matchAll(/:(\w+)/gu)].map(([, name = ""]) => name)
  const inQuery = Object.keys(route.query ?? {})
  const taken = new Set(["type", "id", ...inPath, ...inQuery, ...Object.keys(route.sets ?? {})])
  const rest = Object.entries(fields).filter(([name]) => !taken.has(name))
  const required = (request["required"] as ReadonlyArray<string>).filter(
    (name) => !taken.has(name) && !(route.idempotent === true && name === "clientMessageId"),
  )
  const reply = definitions.add(REPLIES[route.type])
  const parameters = [
    ...inPath.map((name) => named(name, "path", fields[name] as JsonSchema)),
    ...inQuery.map((name) => named(name, "query", fields[name] as JsonSchema)),
    ...(route.idempotent === true
      ? [
          named(
            "Idempotency-Key",
            "header",
            { type: "string" },
            { description: "the message's clientMessageId, when the body has none" },
          ),
        ]
      : []),
  ]
  const body = {
    type: "object",
    properties: Object.fromEntries(rest),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  }
  return {
    summary: `The frame \`${route.type}\``,
    parameters,
    ...(route.method === "GET" || rest.length === 0
      ? {}
      : { requestBody: { required: required.length > 0, content: json(body) } }),
    responses: {
      [route.status ?? 200]: { description: "Done", content: json(route.only === undefined ? reply : ref("Listing")) },
      ...ERRORS,
    },
  }
}

export const openapi = (): JsonSchema => {
  const paths: Record<string, Record<string, JsonSchema>> = {}
  const others = own()
  for (const route of ROUTES) {
    const path = `/${route.path.replace(/:(\w+)/gu, "{$1}")}`
    const operation = route.kind === "frame" ? frameOperation(route) : (others[route.kind] as JsonSchema)
    const operationId = `${route.method.toLowerCase()} ${route.path}`.replace(/[^\w]+/gu, "_").replace(/_$/u, "")
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: { operationId, ...operation } }
  }
  paths["/ws"] = {
    get: {
      operationId: "get_ws",
      summary: "WebSocket: frames of frames.schema.json",
      security: [{}, { bearer: [] }],
      responses: { 101: { description: "Frames follow" }, ...ERRORS },
    },
  }
  const add = (prefix: string, schemas: Readonly<Record<string, Parameters<typeof definitions.add>[0]>>, closed: boolean) =>
    Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [`${prefix}.${type}`, definitions.add(schema, closed)]))
  const connectionBound = new Set(["authenticate", "subscribe", "unsubscribe"])
  const requests = add(
    "request",
    Object.fromEntries(Object.entries(REQUESTS).filter(([type]) => !connectionBound.has(type))),
    true,
  )
  const frames = add("frame", SERVER_FRAMES, false)
  const document = {
    openapi: "3.1.0",
    info: {
      title: "Parley",
      version: "1",
      description:
        "Conversations over HTTP. docs/protocol.md says what the frames mean, docs/errors.md what each error asks of you.",
    },
    servers: [{ url: "/v1/chat" }],
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
      responses: {
        Error: {
          description: "The request was refused, or failed",
          headers: { "Retry-After": { schema: { type: "integer" } }, "x-correlation-id": { schema: { type: "string" } } },
          content: json({ type: "object", properties: { error: ref("ErrorBody") }, required: ["error"] }),
        },
      },
      schemas: {
        Request: { oneOf: Object.keys(requests).map(ref) },
        ServerFrame: { oneOf: Object.keys(frames).map(ref) },
        ...requests,
        ...frames,
        ...definitions.all(),
      },
    },
  }
  return JSON.parse(JSON.stringify(document).replaceAll("#/$defs/", "#/components/schemas/")) as JsonSchema
}
