/** What is wrong with the options is the operator's to mend, so it is thrown where they are given, and never shows the key. */
import type { OpenAiOptions } from "./openai-provider.ts"

const BASE_URL = "https://api.openai.com/v1"
const TIMEOUT_MS = 60_000
/** What a header can carry. */
const KEY = /^[\x21-\x7e]+$/u

export const checkOptions = (given: OpenAiOptions) => {
  const { name = "openai", apiKey, baseUrl = BASE_URL, model, api = "chat", timeoutMs = TIMEOUT_MS, parameters = {} } = given
  if (!/^\S{1,40}$/u.test(name)) throw new TypeError("The provider's name must be one word of at most 40 characters.")
  if (!KEY.test(apiKey)) throw new TypeError(`The API key of ${name} is empty or has characters that no header can carry.`)
  if (model.trim() === "") throw new TypeError(`The model of ${name} is empty.`)
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
  if (url === undefined || !/^https?:$/u.test(url.protocol) || url.username !== "" || url.password !== "")
    throw new TypeError(`The base URL of ${name} must be an http or https URL without a user, such as ${BASE_URL}.`)
  if (api !== "chat" && api !== "responses") throw new TypeError(`The API of ${name} must be "chat" or "responses".`)
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1)
    throw new RangeError(`The time-out of ${name} is ${timeoutMs} and must be a whole number of milliseconds.`)
  return { name, apiKey, baseUrl, model, api, timeoutMs, parameters }
}
