#!/usr/bin/env node
/**
 * Parley as a program. Standard output gets the address, first line, once clients can come; standard error gets the log, JSON lines, and
 * in plain words why a start failed.
 *
 * Exit codes: 0 after a drain, 1 for a start or a process that failed or a drain that took too long, 2 for a configuration that was refused.
 */
import { accessSync, constants, statSync } from "node:fs"
import { parseConfig } from "./config.ts"
import { describeError, makeLog } from "./logging.ts"
import { stopOnSignals } from "./shutdown.ts"
import { start } from "./start.ts"
import { explainStartFailure } from "./start-failure.ts"

const isFolder = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK | constants.X_OK)
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

// Whoever read our output may have gone; that is no reason to stop serving.
process.stdout.on("error", () => {})
process.stderr.on("error", () => {})

const main = async (): Promise<void> => {
  const parsed = parseConfig(process.env, { isFolder })
  if (!parsed.ok) {
    complain("Parley did not start, because its configuration is not right:")
    for (const problem of parsed.problems) complain(`  - ${problem}`)
    process.exitCode = 2
    return
  }
  const { config } = parsed
  const log = makeLog(config.logLevel, (line) => void process.stderr.write(line))
  const die = (message: string) => (error: unknown) => {
    log.write("error", message, describeError(error))
    process.exit(1)
  }
  process.on("uncaughtException", die("uncaught exception"))
  process.on("unhandledRejection", die("unhandled rejection"))

  const shutdown = stopOnSignals(log)
  try {
    const running = await start(config, log, shutdown.stopping)
    say(`Parley listening on ${running.url}`)
    say(
      config.login.kind === "development"
        ? `Open it in a browser, or: curl -H 'Authorization: Bearer dev:ann' ${running.url}/v1/chat/sessions`
        : `Open it in a browser with a token, or: curl -H "Authorization: Bearer $TOKEN" ${running.url}/v1/chat/sessions`,
    )
    shutdown.serve(running)
  } catch (error) {
    const reason = explainStartFailure(error, config)
    if (reason === undefined) log.write("error", "the start failed", describeError(error))
    else complain(`Parley did not start. ${reason}`)
    process.exit(1)
  }
}

await main()
