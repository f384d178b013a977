/**
 * `/healthz`: the process answers. `/readyz`: clients may be sent here, that is, the store answers and nobody is shutting down. An
 * orchestrator restarts on the first and routes by the second.
 */
import type { Chat } from "@parley/core"

interface Readiness {
  readonly ready: boolean
  readonly parts: {
    readonly store: { readonly ready: boolean; readonly durability: string }
    readonly process: { readonly ready: boolean; readonly draining: boolean; readonly connections: number }
  }
}

/** A store that takes longer is of no use to a client either. */
const CHECK_TIMEOUT_MS = 2_000

const readinessOf = async (chat: Chat, stopping: () => boolean): Promise<Readiness> => {
  const store = await storeAnswers(chat)
  const draining = stopping() || chat.gateway.draining()
  return {
    ready: store && !draining,
    parts: {
      store: { ready: store, durability: chat.durability },
      process: { ready: !draining, draining, connections: chat.gateway.connections() },
    },
  }
}

const storeAnswers = async (chat: Chat): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), CHECK_TIMEOUT_MS)
  })
  const answered = chat.check().then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([answered, late])
  } finally {
    clearTimeout(timer)
  }
}

export interface HealthAnswer {
  readonly status: number
  readonly body: object
}

/** `undefined` for every other path. */
export const healthAnswer = async (path: string, chat: Chat, stopping: () => boolean): Promise<HealthAnswer | undefined> => {
  if (path === "/healthz") return { status: 200, body: { alive: true } }
  if (path !== "/readyz") return undefined
  const readiness = await readinessOf(chat, stopping)
  return { status: readiness.ready ? 200 : 503, body: readiness }
}
