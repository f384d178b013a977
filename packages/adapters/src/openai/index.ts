/** `@parley/adapters/openai`: OpenAI, and whatever serves its Chat Completions or Responses API. */
export { openaiProvider } from "./openai-provider.ts"
export type { OpenAiOptions } from "./openai-provider.ts"
