/** What a checker found: a broken promise, never a matter of speed. Kinds are stable, so that a test can name the one it plants. */
export type ViolationKind =
  /** The log itself: changes or seqs with a gap or repeat, dates that go back, an item that became another. */
  | "change_not_dense"
  | "seq_not_dense"
  | "date_backwards"
  | "identity_changed"
  /** The life of a message or answer, wherever two versions of it are seen. */
  | "terminal_changed"
  | "tombstone_changed"
  | "stop_lost"
  | "revision_backwards"
  | "open_with_text"
  /** What a client is sent. */
  | "other_conversation"
  | "not_subscribed"
  | "epoch_changed"
  | "page_gap"
  | "page_malformed"
  | "silent_window"
  | "resync_without_window"
  | "live_before_window"
  | "live_order"
  | "live_malformed"
  | "history_malformed"
  | "backwards"
  | "two_versions"
  | "text_diverges"
  | "text_after_terminal"
  | "text_ill_formed"
  /** The law, between the log and what a client holds. */
  | "ahead_of_log"
  | "unknown_version"
  | "missing"
  | "outdated"
  | "positions_differ"
  | "clients_differ"

export interface Violation {
  readonly kind: ViolationKind
  /** The item it concerns, where there is one. */
  readonly itemId?: string
  readonly detail: string
}

export const violation = (kind: ViolationKind, detail: string, itemId?: string): Violation => ({
  kind,
  detail,
  ...(itemId === undefined ? {} : { itemId }),
})
