/** `@parley/adapters/knowledge`: an assistant without a model, which answers with extracts of a folder of Markdown. */
export { knowledgeAssistant } from "./knowledge-assistant.ts"
export type { KnowledgeOptions } from "./knowledge-assistant.ts"
