/**
 * The embedded assistant: no model, no key, no network. It finds the passages of a folder of Markdown that fit the
 * question and streams an extract with its sources, so that a chat answers before any provider is configured and
 * while all of them are down.
 */
import { fileURLToPath } from "node:url"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { aiError } from "@parley/core"
import type { AiError, AiEvent, AiProvider, AiRequest } from "@parley/core"
import { answerOf, sourcesOf, topicsOf } from "./extract.ts"
import { knowledgeFolder } from "./knowledge-folder.ts"
import { readQuestion } from "./question.ts"

export interface KnowledgeOptions {
  /** The folder of Markdown files, with its subfolders. By default the pages about Parley that come with this package. */
  readonly directory?: string
  /** Milliseconds between groups of two words, 20 by default: a text that appears at once does not look like an answer. 0 sends it all at once. */
  readonly paceMs?: number
  /** Passages of one answer at most, 3 by default. */
  readonly passages?: number
}

/** Three levels up from here in the sources and in the build alike. */
const OWN_PAGES = fileURLToPath(new URL("../../knowledge", import.meta.url))
/** A group is up to two words; what has no spaces is cut by length, never inside a character. */
const GROUP = /\s*(?:\S{1,24}\s*){1,2}/gu

const unreadable = (directory: string, cause: unknown): AiError => {
  const code = (cause as { readonly code?: unknown } | null)?.code
  const why =
    code === "ENOENT"
      ? "there is no such folder"
      : code === "ENOTDIR"
        ? "it is not a folder"
        : `it cannot be read${typeof code === "string" ? ` (${code})` : ""}`
  return aiError("unusable", `the knowledge base ${directory}: ${why}; name a folder of Markdown files`, { cause })
}

const textOfQuestion = ({ messages }: AiRequest): string => messages.findLast((message) => message.role === "user")?.text ?? ""

export const knowledgeAssistant = (options: KnowledgeOptions = {}): AiProvider => {
  const { directory = OWN_PAGES, paceMs = 20, passages = 3 } = options
  const folder = knowledgeFolder(directory)

  const eventsFor = Effect.fnUntraced(function* (request: AiRequest) {
    const now = yield* Clock.currentTimeMillis
    const index = yield* Effect.tryPromise({ try: () => folder.index(now), catch: (cause) => unreadable(directory, cause) })
    const question = readQuestion(textOfQuestion(request))
    const hits = yield* Effect.try({
      try: () => index.search(question.terms, passages),
      catch: (cause) => aiError("unusable", "the search of the knowledge base failed", { cause }),
    })
    const text = hits.length === 0 ? topicsOf(index.titles, question) : answerOf(hits, question.terms)
    return [
      { type: "started" },
      ...(text.match(GROUP) ?? []).map((group): AiEvent => ({ type: "text", text: group })),
      ...sourcesOf(hits).map((source): AiEvent => ({ type: "source", source })),
      { type: "finished", reason: "stop" },
    ] satisfies ReadonlyArray<AiEvent> as ReadonlyArray<AiEvent>
  })

  const paced = (event: AiEvent, position: number) =>
    // The first words come at once: whoever waits sees that the answer began.
    event.type === "text" && position > 1 ? Effect.as(Effect.sleep(paceMs), event) : Effect.succeed(event)

  return {
    name: "knowledge",
    stream: (request) => {
      const events = Stream.unwrap(Effect.map(eventsFor(request), Stream.fromIterable))
      return paceMs > 0 ? Stream.mapEffect(events, paced) : events
    },
  }
}
