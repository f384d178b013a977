/** The first frame of an authenticated connection. All but the user is the same for everybody, and made once. */
import type { Limits, Timing } from "../policy/limits.ts"
import type { WelcomeFrame } from "../protocol/frames.ts"
import { FEATURES, PROTOCOL_VERSION } from "../protocol/requests.ts"

export const makeWelcome = (limits: Limits, timing: Timing): ((userId: string) => string) => {
  const { maxMessageLength, maxAnswerLength, maxFrameBytes, maxHistoryPage, maxSubscriptions } = limits
  const { maxInFlight, windowMessages, maxEmojis, maxMetadataBytes } = limits
  const { heartbeatInterval, idleTimeout } = timing
  const frame: Omit<WelcomeFrame, "userId"> = {
    type: "welcome",
    protocol: PROTOCOL_VERSION,
    features: FEATURES,
    limits: {
      maxMessageLength,
      maxAnswerLength,
      maxFrameBytes,
      maxHistoryPage,
      maxSubscriptions,
      maxInFlight,
      windowMessages,
      maxEmojis,
      maxMetadataBytes,
      heartbeatInterval,
      idleTimeout,
    },
  }
  const beginning = JSON.stringify(frame).slice(0, -1)
  return (userId) => `${beginning},"userId":${JSON.stringify(userId)}}`
}
