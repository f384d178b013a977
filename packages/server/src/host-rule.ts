/**
 * Under which names the server answers.
 *
 * With the development login a name is all it takes to be somebody, so the walls are the loopback address and the browser's same-origin rule. A
 * page of a stranger gets around both when its own host name is made to resolve to 127.0.0.1: then its origin is the server's. What it
 * cannot change is the Host header, which still tells that name.
 */
import { isLoopback } from "./config.ts"

export type HostRule = (header: string | undefined) => boolean

export const anyHost: HostRule = () => true

/** Loopback names, and the hosts of the origins that were allowed by name. */
export const loopbackHosts = (allowedOrigins: ReadonlyArray<string>): HostRule => {
  const named = new Set(allowedOrigins.map((origin) => new URL(origin).host))
  return (header) => {
    // HTTP/1.0 clients send none; browsers always do.
    if (header === undefined) return true
    if (named.has(header.toLowerCase())) return true
    if (!URL.canParse(`http://${header}`)) return false
    const { hostname } = new URL(`http://${header}`)
    return isLoopback(hostname.replace(/^\[(.*)\]$/u, "$1")) || hostname.endsWith(".localhost")
  }
}
