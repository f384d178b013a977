import { afterEach, expect, it } from "vitest"
import { createChat } from "@parley/core"
import { memory } from "@parley/adapters/memory"
import { healthAnswer } from "../src/health.ts"

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const open = async () => {
  const chat = await createChat({ storage: memory() })
  closers.push(chat.close)
  return chat
}
const running = () => false

it("is ready while the store answers and nobody is shutting down", async () => {
  const chat = await open()
  expect(await healthAnswer("/readyz", chat, running)).toMatchObject({ status: 200, body: { ready: true } })
  expect(await healthAnswer("/readyz", chat, () => true)).toMatchObject({
    status: 503,
    body: { ready: false, parts: { store: { ready: true }, process: { ready: false, draining: true } } },
  })
})

it("is not ready once the store does not answer, and still alive", async () => {
  const chat = await open()
  await chat.close()
  expect(await healthAnswer("/readyz", chat, running)).toMatchObject({
    status: 503,
    body: { ready: false, parts: { store: { ready: false }, process: { ready: true } } },
  })
  expect(await healthAnswer("/healthz", chat, running)).toEqual({ status: 200, body: { alive: true } })
})

it("has nothing to say about other paths", async () => {
  expect(await healthAnswer("/readyz/", await open(), running)).toBeUndefined()
})
