/** Schemas of the protocol as JSON Schema (2020-12), with everything that has a name under definitions that are shared. */
import * as Schema from "effect/Schema"

export type JsonSchema = Readonly<Record<string, any>>

export interface Definitions {
  /** Returns the schema, and keeps what it refers to. `closed`: no field but those described. */
  readonly add: (schema: Schema.Top, closed?: boolean) => JsonSchema
  readonly all: () => Readonly<Record<string, JsonSchema>>
}

export const gatherDefinitions = (): Definitions => {
  const all = new Map<string, JsonSchema>()
  return {
    add: (schema, closed = false) => {
      const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty: closed ? "error" : "ignore" })
      for (const [name, definition] of Object.entries(document.definitions)) all.set(name, tidy(definition))
      return tidy(document.schema)
    },
    all: () => Object.fromEntries([...all].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  }
}

/** The same in fewer words: a description stands beside what it describes, and what is allowed anyway is not said. */
const tidy = (schema: JsonSchema): JsonSchema => {
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) {
    if (key === "additionalProperties" && value === true) continue
    if ((key === "maximum" || key === "minimum") && Math.abs(value as number) === Number.MAX_SAFE_INTEGER) continue
    if (key === "enum" && Array.isArray(value) && value.length === 1) result["const"] = value[0] as unknown
    else if (key === "allOf" && (value as ReadonlyArray<object>).every(isPlain))
      Object.assign(result, ...(value as Array<object>))
    else if (key === "properties")
      result[key] = Object.fromEntries(
        Object.entries(value as JsonSchema).map(([name, field]) => [name, tidy(field as JsonSchema)]),
      )
    else if (Array.isArray(value)) result[key] = value.map((part: unknown) => (isObject(part) ? tidy(part) : part))
    else result[key] = isObject(value) ? tidy(value) : value
  }
  return result
}

const isObject = (value: unknown): value is JsonSchema => typeof value === "object" && value !== null

/** Beside other keywords it means the same as inside `allOf`. */
const isPlain = (part: object): boolean => Object.keys(part).every((key) => key === "$ref" || key === "description")

/** A schema in so few words that it fits into the cell of a table. */
export const inWords = (schema: JsonSchema): string => {
  if (schema["$ref"] !== undefined) return String(schema["$ref"]).split("/").at(-1) as string
  if (schema["anyOf"] !== undefined) return (schema["anyOf"] as ReadonlyArray<JsonSchema>).map(inWords).join(" or ")
  if (schema["const"] !== undefined) return `\`${String(schema["const"])}\``
  if (schema["enum"] !== undefined)
    return (schema["enum"] as ReadonlyArray<unknown>).map((value) => `\`${String(value)}\``).join(" / ")
  switch (schema["type"]) {
    case "string":
      return `string${bounds(schema["minLength"], schema["maxLength"])}`
    case "integer":
      return `integer${bounds(schema["minimum"], schema["maximum"])}`
    case "array":
      return `list of ${inWords(schema["items"] as JsonSchema)}${schema["maxItems"] === undefined ? "" : `, at most ${schema["maxItems"]}`}`
    case "object": {
      const names = Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>)
      if (names.length === 0)
        return typeof schema["additionalProperties"] === "object" && Object.keys(schema["additionalProperties"]).length > 0
          ? `object of ${inWords(schema["additionalProperties"] as JsonSchema)}`
          : "object"
      return `{ ${names.map(([name]) => fieldName(schema, name)).join(", ")} }`
    }
    default:
      return schema["type"] === undefined ? "any" : String(schema["type"])
  }
}

export const fieldName = (schema: JsonSchema, name: string): string =>
  `\`${name}${(schema["required"] as ReadonlyArray<string> | undefined)?.includes(name) === true ? "" : "?"}\``

const bounds = (min: number | undefined, max: number | undefined): string =>
  max === undefined ? (min === undefined || min === 0 ? "" : ` ≥ ${min}`) : ` ${min ?? 0}–${max}`
