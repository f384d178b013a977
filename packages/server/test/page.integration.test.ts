import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Browser, Locator, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { hasChromium, launchBrowser } from "./browser.ts"
import { storedAnswer } from "./chat-client.ts"
import { makeStage } from "./run-main.ts"
import { startProxy } from "./upgrade-blocking-proxy.ts"

const stage = makeStage()
let browser: Browser | undefined
const cleanups: Array<() => Promise<void> | void> = []

beforeAll(async () => {
  if (hasChromium) browser = await launchBrowser()
})
afterAll(() => browser?.close())
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  await stage.end()
})

/** A page that fails the test on what a visitor would find in the console: a script error, or something the policy blocked. */
const open = async (url: string): Promise<Page> => {
  const page = await (browser as Browser).newPage()
  const faults: Array<string> = []
  page.on("pageerror", (error) => faults.push(error.message))
  page.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Uncaught/u.test(message.text())) faults.push(message.text())
  })
  cleanups.push(async () => {
    await page.close()
    expect(faults).toEqual([])
  })
  await page.goto(url)
  return page
}

const statusIs = (page: Page, text: string | RegExp) => page.locator("#status").filter({ hasText: text }).waitFor()
const CONNECTED = /^Connected$/u
const POLLING = /plain HTTP/u

const ask = async (page: Page, text: string) => {
  await page.getByLabel("Your message").fill(text)
  await page.keyboard.press("Enter")
}
const lastAnswer = (page: Page): Locator => page.locator(".message.assistant").last()
const body = (message: Locator) => message.locator(".body")

const WAIT = { timeout: 30_000, interval: 20 }

/** Waits until more text is shown than `than`, and gives it. */
const grown = async (page: Page, than: number): Promise<string> => {
  let text = ""
  await expect.poll(async () => (text = (await body(lastAnswer(page)).textContent()) ?? "").length, WAIT).toBeGreaterThan(than)
  return text
}
const ended = async (page: Page, state: string) => {
  await page.locator(`.message.assistant:last-of-type[data-state="${state}"]`).last().waitFor()
  return (await body(lastAnswer(page)).textContent()) ?? ""
}
/** Words alone: what Markdown marks and line breaks become is another test's. */
const words = (text: string) => text.replace(/[^\p{L}\p{N}]+/gu, "")
const conversationOf = (page: Page) => new URL(page.url()).hash.slice(1)
const userOf = async (page: Page) => `dev:${((await page.locator("#who").textContent()) ?? "").split(" ")[0]}`
const stored = async (page: Page, url: string) => storedAnswer(url, await userOf(page), conversationOf(page))

describe.skipIf(!hasChromium)("the page [needs chromium]", () => {
  it("streams an answer, goes on in its middle after a reload, and stops another one", async () => {
    const url = await stage.run({ PARLEY_STORAGE: "memory", PARLEY_KNOWLEDGE_PACE: "120" }).ready
    const page = await open(url)
    await statusIs(page, CONNECTED)
    await ask(page, "What is Parley?")
    const first = await grown(page, 0)
    const second = await grown(page, first.length)
    expect(second.startsWith(first.slice(0, 20))).toBe(true)

    await page.reload()
    const after = await grown(page, second.length)
    expect(words(after).startsWith(words(second))).toBe(true)
    expect(await lastAnswer(page).getAttribute("data-state")).toBe("streaming")
    const whole = await ended(page, "complete")
    expect(await page.locator(".message").count()).toBe(2)
    expect(await stored(page, url)).toMatchObject({ state: "complete" })
    expect(words(whole)).toBe(words((await stored(page, url)).text))
    expect(await lastAnswer(page).locator(".sources li").count()).toBeGreaterThan(0)

    await ask(page, "How do I add my own knowledge?")
    await page.locator(".message.assistant").nth(1).waitFor()
    await grown(page, 10)
    await page.getByRole("button", { name: "Stop" }).click()
    const stopped = await ended(page, "stopped")
    expect(stopped.length).toBeGreaterThan(0)
    expect(words((await stored(page, url)).text)).toBe(words(stopped))
    expect(await page.getByRole("button", { name: "Stop" }).isVisible()).toBe(false)

    await lastAnswer(page).getByRole("button", { name: "Answer again" }).click()
    await lastAnswer(page).getByText("Answer 2").waitFor()
    expect(words(await ended(page, "complete")).length).toBeGreaterThan(words(stopped).length)
    expect(await page.locator(".message").count()).toBe(4)
  })

  it.each(["refuse", "hang"] as const)("chats by polling while proxies %s WebSockets, and climbs back", async (mood) => {
    const url = await stage.run({ PARLEY_STORAGE: "memory", PARLEY_KNOWLEDGE_PACE: "60" }).ready
    const proxy = await startProxy(url, mood)
    cleanups.push(proxy.close)
    const page = await open(proxy.url)
    await statusIs(page, POLLING)
    await ask(page, "What is Parley?")
    const first = await grown(page, 0)
    const second = await grown(page, first.length)
    expect(second.length).toBeGreaterThan(first.length)
    await page.reload()
    const whole = await ended(page, "complete")
    expect(words(whole)).toBe(words((await stored(page, url)).text))
    expect(proxy.upgrades()).toBeGreaterThan(0)

    proxy.setMood("pass")
    await statusIs(page, CONNECTED)
    await ask(page, "How do I add my own knowledge?")
    await page.locator(".message.assistant").nth(1).waitFor()
    expect(words(await ended(page, "complete"))).toBe(words((await stored(page, url)).text))
  })

  it("keeps what is sent while the server is away, and sends it once when it is back", async () => {
    const folder = stage.folder()
    const env = { PARLEY_DATA_DIR: folder, PARLEY_KNOWLEDGE_PACE: "0" }
    const server = stage.run(env)
    const url = await server.ready
    const page = await open(url)
    await statusIs(page, CONNECTED)
    await ask(page, "What is Parley?")
    await ended(page, "complete")
    server.kill("SIGKILL")
    await server.exited
    await statusIs(page, /No connection/u)
    await ask(page, "Does this one arrive?")
    await page.locator('.message.user[data-state="sending"]').waitFor()

    await stage.run({ ...env, PORT: new URL(url).port }).ready
    await page.locator(".message.user", { hasText: "Does this one arrive?" }).getByText("Sent", { exact: true }).waitFor()
    await page.locator('.message.assistant[data-state="complete"]').nth(1).waitFor()
    const { messages } = (await (
      await fetch(`${url}/v1/chat/sessions/${conversationOf(page)}/history`, {
        headers: { authorization: `Bearer ${await userOf(page)}` },
      })
    ).json()) as { messages: ReadonlyArray<unknown> }
    expect(messages).toHaveLength(4)
    expect(await page.locator(".message").count()).toBe(4)
  })

  it("shows text of people and pages as text, and follows http links only", async () => {
    const folder = join(stage.folder(), "knowledge")
    mkdirSync(folder)
    writeFileSync(
      join(folder, "zebras.md"),
      "# Zebras\n\nZebras graze. <img src=x onerror=alert(1)> See [the park](https://example.com/zebras) or [this](javascript:alert(2)).\n",
    )
    const env = { PARLEY_STORAGE: "memory", PARLEY_KNOWLEDGE_DIR: folder, PARLEY_KNOWLEDGE_PACE: "0" }
    const page = await open(await stage.run(env).ready)
    await statusIs(page, CONNECTED)
    await ask(page, "<b>Zebras</b> <script>alert(3)</script>")
    await ended(page, "complete")
    expect(await page.locator(".message.user .body").textContent()).toBe("<b>Zebras</b> <script>alert(3)</script>")
    expect(await page.locator(".message img, .message script, .message .body b").count()).toBe(0)
    const links = await page
      .locator(".message a")
      .evaluateAll((all) => all.map((link) => [link.getAttribute("href"), link.getAttribute("rel")]))
    expect(links.map(([href]) => href).filter((href) => !/^https?:/u.test(href ?? ""))).toEqual([])
    for (const [, rel] of links) expect(rel).toContain("noopener")
  })

  it("makes of Markdown what answers use, and of nothing else markup", async () => {
    const page = await open(await stage.run({ PARLEY_STORAGE: "memory" }).ready)
    const cases: ReadonlyArray<readonly [markdown: string, html: string]> = [
      ["one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"],
      ["**bold** and *soft*, _soft_, `a*b*`", "<p><strong>bold</strong> and <em>soft</em>, <em>soft</em>, <code>a*b*</code></p>"],
      ["snake_case_name, 2 * 3 * 4, **open", "<p>snake_case_name, 2 * 3 * 4, **open</p>"],
      ["- a\n- **b**\n  more\n* c", "<ul><li>a</li><li><strong>b</strong>\nmore</li><li>c</li></ul>"],
      ["3. c\n4. d", '<ol start="3"><li>c</li><li>d</li></ol>'],
      ["```js\nif (a < b) {\n\n}\n```\nafter", "<pre><code>if (a &lt; b) {\n\n}</code></pre><p>after</p>"],
      ["```\nnot yet closed", "<pre><code>not yet closed</code></pre>"],
      ["## Title ##\ntext", "<p><strong>Title</strong></p><p>text</p>"],
      ["> said\n> so", "<blockquote>said\nso</blockquote>"],
      ["a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"],
      [
        "[site](https://example.com/a?b=c)",
        '<p><a href="https://example.com/a?b=c" rel="noopener noreferrer" target="_blank">site</a></p>',
      ],
      [
        "see https://example.com/x.",
        '<p>see <a href="https://example.com/x" rel="noopener noreferrer" target="_blank">https://example.com/x</a>.</p>',
      ],
      ["[a](javascript:alert(1))", "<p><span>a</span>)</p>"],
      ["[a](data:text/html,x) [b](/local) [c]", "<p><span>a</span> <span>b</span> [c]</p>"],
      ["<img src=x onerror=alert(1)> <b>x</b> &amp;", "<p>&lt;img src=x onerror=alert(1)&gt; &lt;b&gt;x&lt;/b&gt; &amp;amp;</p>"],
    ]
    const rendered = await page.evaluate(`(async () => {
      const { showMarkdown } = await import("/markdown.js")
      return ${JSON.stringify(cases.map(([markdown]) => markdown))}.map((text) => {
        const box = document.createElement("div")
        // As it arrives: a piece at a time must end where the whole does.
        for (let end = 1; end <= text.length; end++) showMarkdown(box, text.slice(0, end))
        return box.innerHTML
      })
    })()`)
    expect(rendered).toEqual(cases.map(([, html]) => html))
  })

  it("is not slowed down by text made of open marks", async () => {
    const page = await open(await stage.run({ PARLEY_STORAGE: "memory" }).ready)
    const lengths = await page.evaluate(`(async () => {
      const { showMarkdown } = await import("/markdown.js")
      return ["[", "*", "_", "\`", "**a ", "[a](", "https://", "> ", "- "].map((mark) => {
        const box = document.createElement("div")
        showMarkdown(box, "x" + mark.repeat(100_000 / mark.length))
        return box.textContent.startsWith("x")
      })
    })()`)
    expect(lengths).toEqual(Array.from({ length: 9 }, () => true))
  }, 30_000)

  it("can be used with the keyboard alone, in several conversations", async () => {
    const page = await open(await stage.run({ PARLEY_STORAGE: "memory", PARLEY_KNOWLEDGE_PACE: "0" }).ready)
    await statusIs(page, CONNECTED)
    // The message field has the focus from the beginning.
    await page.keyboard.type("What is")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("Parley?")
    await page.keyboard.press("Enter")
    await ended(page, "complete")
    expect(await page.locator(".message.user .body").textContent()).toBe("What is\nParley?")
    const firstConversation = conversationOf(page)

    await page.getByRole("button", { name: "New conversation" }).press("Enter")
    await page.getByText("What would you like to know?").waitFor()
    await page.keyboard.type("How do I add my own knowledge?")
    await page.keyboard.press("Enter")
    await ended(page, "complete")
    expect(conversationOf(page)).not.toBe(firstConversation)
    await page.getByRole("button", { name: "What is Parley?" }).press("Enter")
    await page.locator(".message.user .body", { hasText: "Parley?" }).waitFor()
    expect(conversationOf(page)).toBe(firstConversation)
    await page.goBack()
    await page.locator(".message.user .body", { hasText: "my own knowledge" }).waitFor()
  })

  it("says what is too long instead of cutting it", async () => {
    const page = await open(await stage.run({ PARLEY_STORAGE: "memory", MAX_MESSAGE_LENGTH: "10" }).ready)
    await statusIs(page, CONNECTED)
    await ask(page, "twelve signs")
    await page.getByText("Too long by 2 characters.").waitFor()
    expect(await page.getByLabel("Your message").inputValue()).toBe("twelve signs")
    expect(await page.locator(".message").count()).toBe(0)
    await ask(page, "ten signs!")
    await page.locator(".message.user").getByText("Sent", { exact: true }).waitFor()
  })

  it("asks for a token when the development login is off, and again when it is refused", async () => {
    const page = await open(
      await stage.run({ PARLEY_STORAGE: "memory", PARLEY_JWT_SECRET: "a secret of thirty-two bytes, at least" }).ready,
    )
    await page.getByLabel("Token").fill("not-a-token")
    await page.keyboard.press("Enter")
    await page.getByText("did not accept the token").waitFor()
    expect(await page.getByLabel("Token").isVisible()).toBe(true)
  })
})
