import { createHmac, randomBytes } from "node:crypto"
import type { Committed, ConversationHead, Item, OutboxRow } from "@parley/core"

export interface Lease {
  fence: number
  until: number
  stopping: boolean
  checkpoint: { readonly revision: number; readonly text: string }
}

export interface UsedKey {
  readonly conversation: string
  readonly fingerprint: string
  readonly committed: ReadonlyArray<Committed>
}

/** One conversation. Items are replaced, never altered. */
export interface Stored {
  head: ConversationHead
  readonly items: Map<string, Item>
  readonly leases: Map<string, Lease>
  readonly keys: Map<string, UsedKey>
}

export interface State {
  readonly epoch: string
  readonly conversations: Map<string, Stored>
  readonly erased: Set<string>
  /** Keys that hold for a whole tenant. */
  readonly tenantKeys: Map<string, UsedKey>
  readonly outbox: Array<OutboxRow>
  /** Tells two requests apart without keeping either. */
  readonly fingerprint: (request: string) => string
}

export const emptyState = (): State => {
  const secret = randomBytes(32)
  return {
    epoch: randomBytes(12).toString("hex"),
    conversations: new Map(),
    erased: new Set(),
    tenantKeys: new Map(),
    outbox: [],
    fingerprint: (request) => createHmac("sha256", secret).update(request).digest("base64"),
  }
}

/** No string of the engine holds NUL, so two lists of names never join to one key. */
export const keyOf = (...names: ReadonlyArray<string>): string => names.join("\0")

export const conversationOf = (
  state: State,
  at: { readonly tenant: string; readonly conversation: string },
): Stored | undefined => state.conversations.get(keyOf(at.tenant, at.conversation))
