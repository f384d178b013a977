/** The outgoing side of one client connection, as a transport gives it to the gateway. Nothing else writes to that connection. */
import type { CloseReason } from "../protocol/close-codes.ts"
import type { Batch } from "./batch.ts"

/**
 * Contract: `write` takes the frames in order, in one write to the network, and never blocks or throws, also after the end; the transport calls the
 * connection's `drained` when what was queued has gone out after `queuedBytes` was above 0, and `closed` exactly once.
 */
export interface Sink {
  readonly write: (batch: Batch) => void
  /** Bytes that the network has not taken yet. */
  readonly queuedBytes: () => number
  /** Bytes that the network has taken since the beginning. */
  readonly flushedBytes: () => number
  /** A transport-level ping, answered through the connection's `alive`. */
  readonly ping: () => void
  /** Sends what is queued, says why, and ends. */
  readonly close: (reason: CloseReason) => void
  /** Stop and go on reading from the client. */
  readonly pause: () => void
  readonly resume: () => void
}
