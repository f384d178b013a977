/**
 * The variables of an entry of PARLEY_AI, which begin with the entry's name: with `openai,backup:openai` there are OPENAI_API_KEY and
 * BACKUP_API_KEY, so several servers that speak OpenAI's language stand in one chain.
 */
import { anyText, type Read, type Setting } from "./setting.ts"

export const variablePrefix = (name: string): string => name.toUpperCase().replaceAll("-", "_")

/** What a header can carry. */
const KEY = /^[\x21-\x7e]{1,1024}$/u

const readKey = (text: string): Read<string> =>
  KEY.test(text) ? { value: text } : { problem: "has spaces or characters that no header can carry, or more than 1,024 of them" }

const readBaseUrl = (text: string): Read<string> => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/u.test(url.protocol) && url.username === "" && url.password === ""
    ? { value: text }
    : { problem: "must be an http or https URL without user and password, such as http://127.0.0.1:8000/v1" }
}

const setting = <A>(name: string, meaning: string, reader: Pick<Setting<A>, "allowed" | "read">) => ({ name, meaning, ...reader })

/** Of an entry of kind `openai`. */
export const openAiSettings = (prefix: string) => ({
  apiKey: setting(`${prefix}_API_KEY`, "Key of the server. Required; a server that asks for none takes any word.", {
    allowed: "a text without spaces",
    read: readKey,
  }),
  model: setting(`${prefix}_MODEL`, "Model that answers. Required.", anyText("a model's name", 256)),
  baseUrl: setting(`${prefix}_BASE_URL`, "Where the API is, with its version. Without it: https://api.openai.com/v1.", {
    allowed: "an http or https URL",
    read: readBaseUrl,
  }),
})
