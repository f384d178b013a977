/** Why the server did not start, in one line for somebody who wants it to run, with what to do about it. */
import type { Config } from "./config.ts"

interface Failure {
  readonly _tag?: unknown
  readonly code?: unknown
  readonly message?: unknown
}

/** `undefined` for what nobody foresaw: then the stack is the better message. */
export const explainStartFailure = (error: unknown, { host, port, dataDir }: Config): string | undefined => {
  const { _tag, code, message } = (typeof error === "object" && error !== null ? error : {}) as Failure
  if (_tag === "StorageError")
    return `The data folder ${dataDir} cannot be used: ${String(message).replace(/\s*\n\s*/gu, " ")} PARLEY_DATA_DIR names another one.`
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is in use by another program. Stop that one, or set PORT to a free port (0 takes any).`
    case "EACCES":
      return `Port ${port} on ${host} may not be opened by this user. Set PORT to one above 1023.`
    case "EADDRNOTAVAIL":
      return `This machine has no address ${host}. Set HOST to one of its own, such as 127.0.0.1.`
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The host name ${host} does not resolve. Set HOST to an address of this machine, such as 127.0.0.1.`
    default:
      return undefined
  }
}
