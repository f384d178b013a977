/** The fields that requests are made of, with their bounds. Lengths count UTF-16 code units. */
import * as Schema from "effect/Schema"
import type { Json } from "../domain/item.ts"

/** What one reads about a field in the published descriptions. */
export const described = <S extends Schema.Top>(schema: S, description: string) =>
  schema.pipe(Schema.annotateKey({ description }))

const text = (max: number) => Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(max))

/** Correlates a request with its reply: chosen by the client, unique among its open requests. */
export const RequestId = text(64)
export const ConversationId = text(64)
export const MessageId = text(64)
export const UserId = text(128)
/** Chosen by the client, one per message: repeating it repeats nothing. */
export const ClientMessageId = text(128)
/** The bound of a person's text is configuration; this one only keeps a schema finite. */
export const Text = Schema.String.check(Schema.isMinLength(1))
export const Name = text(200)
export const Description = text(2_000)
export const Emoji = text(32)
export const CursorText = text(64)
/** A time and a conversation id. */
export const ListPosition = text(96)
/** `messageId@revision.length`: how much of an open answer the client holds. */
export const HeldAnswer = text(128)
export const Token = text(16_384)
export const Seq = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))
export const Change = Seq
export const PageSize = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))

const JsonValue: Schema.Codec<Json> = Schema.Json as never as Schema.Codec<Json>
/** The whole of it is bounded by MAX_METADATA_BYTES in the engine. */
export const Metadata = Schema.Record(Schema.String, JsonValue)

const Words = Schema.Array(Name).check(Schema.isMaxLength(20))

export const Context = Schema.Struct({
  clientName: Schema.optionalKey(Name),
  meetingType: Schema.optionalKey(Name),
  projectContext: Schema.optionalKey(Description),
  serviceTypes: Schema.optionalKey(Words),
  cloudProviders: Schema.optionalKey(Words),
  customFields: Schema.optionalKey(Metadata),
})
