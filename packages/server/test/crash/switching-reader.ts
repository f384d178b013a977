/**
 * A reader that changes its transport at every cut, with its cursor and the text it holds: WebSocket, long-poll, WebSocket …
 * The model notes whatever breaks the law.
 */
import { setTimeout as pause } from "node:timers/promises"
import { ClientModel, isModelFrame } from "@parley/testkit"
import { CutTolerantClient } from "./cut-tolerant-client.ts"

export class SwitchingReader {
  readonly model: ClientModel
  readonly cuts = { websocket: 0, poll: 0 }
  readonly #base: string
  readonly #userId: string
  #ended = false
  #running: Promise<void> | undefined

  constructor(base: string, userId: string, conversationId: string) {
    this.#base = base
    this.#userId = userId
    this.model = new ClientModel(conversationId)
  }

  start(first: "websocket" | "poll"): this {
    this.#running = this.#run(first)
    return this
  }

  /** Reads on until it stands at `change`, then ends. */
  async finish(change: number): Promise<void> {
    while ((this.model.change ?? -1) < change) await pause(20)
    this.#ended = true
    await this.#running
  }

  async #run(first: "websocket" | "poll"): Promise<void> {
    for (let turn = first === "websocket" ? 0 : 1; !this.#ended; turn++) {
      const transport = turn % 2 === 0 ? "websocket" : "poll"
      if (transport === "websocket") await this.#overWebSocket()
      else await this.#overPoll()
      this.cuts[transport] += 1
      this.model.cut()
    }
  }

  #accept(frame: unknown): void {
    if (isModelFrame(frame as never) && (frame as { conversationId?: string }).conversationId === this.model.conversationId)
      this.model.accept(frame as never)
  }

  async #overWebSocket(): Promise<void> {
    const client = new CutTolerantClient(this.#base, this.#userId, (frame) => this.#accept(frame))
    try {
      await client.connect()
      const subscribe = (): Promise<unknown> =>
        client.request({ type: "subscribe", conversationId: this.model.conversationId, ...this.model.subscribe() })
      await subscribe()
      while (!this.#ended) {
        if (this.model.needsResubscribe) await subscribe()
        await pause(10)
        if (!client.connected) return
      }
    } catch {
      return
    } finally {
      client.close()
    }
  }

  async #overPoll(): Promise<void> {
    while (!this.#ended) {
      const { cursor, answers } = this.model.subscribe()
      const query = new URLSearchParams({
        c: cursor === undefined ? this.model.conversationId : `${this.model.conversationId}@${cursor}`,
        wait: "1",
      })
      for (const answer of answers) query.append("a", answer)
      try {
        const response = await fetch(`${this.#base}/v1/chat/sync?${query}`, {
          headers: { authorization: `Bearer dev:${this.#userId}` },
        })
        if (!response.ok) throw new Error(`sync answered ${response.status}`)
        const { frames } = (await response.json()) as { readonly frames: ReadonlyArray<unknown> }
        for (const frame of frames) this.#accept(frame)
      } catch {
        return
      }
    }
  }
}
