/**
 * Randomness and the end of the tick. Core takes both from this service, and time from Effect's Clock, so that a whole cluster can be
 * run from one seed; this file is the only one in core that touches the host's globals.
 */
import * as Context from "effect/Context"

export interface SystemShape {
  /** `prefix` and 128 random bits as 22 letters, digits, `-` or `_`. */
  readonly randomId: (prefix: string) => string
  /** Uniform in [0, 1). For jitter, never for secrets. */
  readonly random: () => number
  /** Runs `task` at the end of this turn of the event loop, after the I/O that is already here was handled. */
  readonly defer: (task: () => void) => void
}

interface Host {
  readonly crypto: { readonly getRandomValues: (bytes: Uint8Array) => Uint8Array }
  readonly setImmediate: (task: () => void) => unknown
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
const ID_BYTES = 16
/** One call into the host's generator fills many ids: the call costs more than its bytes. */
const POOL_BYTES = ID_BYTES * 256

const hostSystem = (): SystemShape => {
  const host = globalThis as unknown as Host
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  return {
    randomId: (prefix) => {
      if (used === POOL_BYTES) {
        host.crypto.getRandomValues(pool)
        used = 0
      }
      let id = prefix
      let bits = 0
      let count = 0
      for (const end = used + ID_BYTES; used < end; used++) {
        bits = (bits << 8) | (pool[used] as number)
        count += 8
        while (count >= 6) {
          count -= 6
          id += ALPHABET[(bits >>> count) & 63]
        }
        bits &= (1 << count) - 1
      }
      return count === 0 ? id : id + ALPHABET[(bits << (6 - count)) & 63]
    },
    random: () => Math.random(),
    defer: (task) => void host.setImmediate(task),
  }
}

export const System = Context.Reference<SystemShape>("parley/System", { defaultValue: hostSystem })
