/**
 * Every bound of the engine in one place, with its unit. Lengths count UTF-16 code units.
 * An operator changes them by configuration; a client reads those that concern it in `welcome.limits`.
 */
export interface Limits {
  /** Of a person's message. */
  readonly maxMessageLength: number
  /** Of an answer's text; a longer one ends with `finish: "length"`. */
  readonly maxAnswerLength: number
  /** Of one inbound frame or request body, bytes. */
  readonly maxFrameBytes: number
  /** Of a page of changes or history, approximate bytes; one item alone may exceed it. */
  readonly pageBytes: number
  /** Messages of a window. */
  readonly windowMessages: number
  /** A reader further behind gets a window instead of every change. */
  readonly maxChangesBehind: number
  /** Messages of one history page, at most. */
  readonly maxHistoryPage: number
  /** Request frames of one batch. */
  readonly maxBatch: number
  /** Conversations of one connection, and of one `sync` request. */
  readonly maxSubscriptions: number
  readonly maxSyncConversations: number
  /** Requests of one connection that have no reply yet; reading pauses above it. */
  readonly maxInFlight: number
  /** Bytes a connection may have queued before its reader counts as slow. */
  readonly maxQueuedBytes: number
  /** Different emojis on one message; length of one. */
  readonly maxEmojis: number
  readonly maxEmojiLength: number
  readonly maxMetadataBytes: number
  readonly maxNameLength: number
  readonly maxMembers: number
  /** Connections of this process, all users together. */
  readonly maxConnections: number
  /** Answers this process generates at the same time; others wait for it or for another one. */
  readonly maxAnswers: number
  /** Of one delta. */
  readonly maxDeltaLength: number
  /** Earlier messages that enter the context of an answer, and their length together. */
  readonly contextMessages: number
  readonly contextLength: number
}

export const DEFAULT_LIMITS: Limits = {
  maxMessageLength: 5_000,
  maxAnswerLength: 100_000,
  maxFrameBytes: 65_536,
  pageBytes: 65_536,
  windowMessages: 50,
  maxChangesBehind: 1_000,
  maxHistoryPage: 100,
  maxBatch: 50,
  maxSubscriptions: 200,
  maxSyncConversations: 50,
  maxInFlight: 256,
  maxQueuedBytes: 262_144,
  maxEmojis: 20,
  maxEmojiLength: 32,
  maxMetadataBytes: 8_192,
  maxNameLength: 200,
  maxMembers: 500,
  maxConnections: 50_000,
  maxAnswers: 256,
  maxDeltaLength: 4_096,
  contextMessages: 10,
  contextLength: 24_000,
}

/** Every duration of the engine, milliseconds. */
export interface Timing {
  /** A connection without a token is closed after this. */
  readonly authenticateTimeout: number
  readonly heartbeatInterval: number
  readonly pongTimeout: number
  /** A connection that took no byte for this long while bytes were waiting is closed as slow. */
  readonly writeTimeout: number
  /** Without a frame from the client, pongs and pings aside. */
  readonly idleTimeout: number
  /** How long a token may be used past its expiry, for clocks that differ. */
  readonly tokenLeeway: number
  readonly headsInterval: number
  readonly longPollMax: number
  readonly sessionExpiry: number
  readonly sweepInterval: number
  readonly lease: number
  readonly renewWhileMoving: number
  readonly renewWhileIdle: number
  readonly takeoverPoll: number
  /** Deltas after the first are joined for this long. */
  readonly deltaInterval: number
  readonly aiConnectTimeout: number
  readonly aiFirstTokenTimeout: number
  readonly aiIdleTimeout: number
  readonly aiTotalTimeout: number
  /** From the start of a drain to the end of the process. */
  readonly drain: number
}

export const DEFAULT_TIMING: Timing = {
  authenticateTimeout: 5_000,
  heartbeatInterval: 30_000,
  pongTimeout: 60_000,
  writeTimeout: 10_000,
  idleTimeout: 600_000,
  tokenLeeway: 60_000,
  headsInterval: 1_000,
  longPollMax: 25_000,
  sessionExpiry: 30 * 86_400_000,
  sweepInterval: 60_000,
  lease: 10_000,
  renewWhileMoving: 250,
  renewWhileIdle: 500,
  takeoverPoll: 1_000,
  deltaInterval: 50,
  aiConnectTimeout: 10_000,
  aiFirstTokenTimeout: 15_000,
  aiIdleTimeout: 20_000,
  aiTotalTimeout: 120_000,
  drain: 20_000,
}
