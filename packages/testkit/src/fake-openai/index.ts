/** A server that speaks OpenAI's wire format and fails as it is told to. */
export { fakeOpenAi, type FakeOpenAi, type FakeOpenAiOptions, type FakeRequest } from "./fake-openai.ts"
export type { FakeApi, FakeFault, FakeReply } from "./reply.ts"
