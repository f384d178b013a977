/** A real Chromium, when there is one. */
import { existsSync } from "node:fs"
import { chromium, type Browser } from "playwright-core"

const executablePath = process.env["PARLEY_CHROMIUM"] ?? "/usr/bin/chromium"
export const hasChromium = existsSync(executablePath)

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
    ],
  })
