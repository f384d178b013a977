/**
 * HMAC-SHA256 (RFC 2104) of a request. Out of one-shot hashes, because `createHmac` builds a stream object on each
 * call, which costs several times the hash itself, on the path of every commit.
 */
import { hash } from "node:crypto"

const BLOCK = 64
const DIGEST = 32

export type Fingerprint = (request: string) => Buffer

const paddedKey = (key: Uint8Array, pad: number): Buffer => {
  const block = Buffer.alloc(BLOCK, pad)
  for (const [index, byte] of key.entries()) block[index] = byte ^ pad
  return block
}

/** `key` is at most one block long; ours has 32 bytes. */
export const makeFingerprint = (key: Uint8Array): Fingerprint => {
  const inner = paddedKey(key, 0x36)
  const outer = Buffer.concat([paddedKey(key, 0x5c), Buffer.alloc(DIGEST)])
  return (request) => {
    hash("sha256", Buffer.concat([inner, Buffer.from(request)]), "buffer").copy(outer, BLOCK)
    return hash("sha256", outer, "buffer")
  }
}
