/** Readers of conversations who hold what the law speaks of, over one transport or over many, with cuts wherever they fall. */
import { ClientModel, isModelFrame, type ModelFrame, type Violation } from "@parley/testkit"
import { type EventsClient, openEvents } from "./events-client.ts"
import { apiOf, connect, type Host } from "./wire-harness.ts"

/** `browser` is an event stream that connects again as a browser does: by the URL of its first time and the last id. */
export const CARRIERS = ["websocket", "events", "browser", "long-poll", "poll"] as const
export type Carrier = (typeof CARRIERS)[number]

export interface Leg {
  readonly carrier: Carrier
  /** Cut after so many milliseconds; absent: only at the end. */
  readonly ms?: number
}

export interface Reader {
  readonly name: string
  readonly models: ReadonlyArray<ClientModel>
  /** Every carrier it used, in order. */
  readonly used: ReadonlyArray<Carrier>
  /** Where its conversations will end; it stops once it is there and shows no open answer. */
  readonly finishAt: (heads: ReadonlyMap<string, string>) => void
  readonly done: Promise<void>
  /** How often it went on from the id of a stream's last event. */
  readonly resumed: () => number
  readonly violations: () => ReadonlyArray<Violation>
}

/** All that it holds of a conversation, byte for byte. */
export const stateOf = (model: ClientModel): string =>
  JSON.stringify({
    cursor: model.cursor,
    from: model.from,
    texts: [...model.texts],
    items: [...model.items.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  })

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const startReader = (
  host: Host,
  name: string,
  user: string,
  conversations: ReadonlyArray<string>,
  nextLeg: () => Leg,
): Reader => {
  const models = conversations.map((id) => new ClientModel(id))
  const used: Array<Carrier> = []
  const api = apiOf(host, user)
  let heads: ReadonlyMap<string, string> | undefined
  let browser: { readonly url: string; readonly lastEventId: string } | undefined
  let resumed = 0
  let settle = (): void => {}
  const settled = new Promise<void>((resolve) => (settle = resolve))
  let isSettled = false
  const look = (): void => {
    if (heads === undefined || isSettled) return
    if (!models.every((model) => model.cursor === heads?.get(model.conversationId) && model.texts.size === 0)) return
    isSettled = true
    settle()
  }
  const accept = (frame: ModelFrame): void => {
    if (!isModelFrame(frame)) return
    models.find((model) => model.conversationId === frame.conversationId)?.accept(frame)
    look()
  }
  const queryOf = (): URLSearchParams => {
    const query = new URLSearchParams()
    for (const model of models) {
      const { cursor, answers } = model.subscribe()
      query.append("c", cursor === undefined ? model.conversationId : `${model.conversationId}@${cursor}`)
      for (const held of answers) query.append("a", held)
    }
    return query
  }

  const overWebSocket = async (over: Promise<void>): Promise<void> => {
    const client = await connect(host, `dev:${user}`)
    let taken = 0
    const take = (): void => {
      for (; taken < client.frames.length; taken++) accept(client.frames[taken] as ModelFrame)
    }
    client.socket.on("message", take)
    for (const model of models) {
      const { conversationId } = model
      client.send({ type: "subscribe", id: conversationId, conversationId, ...model.subscribe() })
    }
    await over
    client.socket.off("message", take)
    client.socket.terminate()
  }

  const overEvents = async (over: Promise<void>, asBrowser: boolean): Promise<void> => {
    const again = asBrowser && browser !== undefined && browser.lastEventId !== "" ? browser : undefined
    if (again !== undefined) resumed += 1
    const query = String(queryOf())
    const url = again?.url ?? query
    const client: EventsClient = await openEvents(
      host,
      user,
      url,
      again === undefined ? {} : { "last-event-id": again.lastEventId },
    )
    let taken = 0
    const take = (): void => {
      for (; taken < client.frames.length; taken++) accept(client.frames[taken] as ModelFrame)
    }
    client.response.on("data", take)
    take()
    await over
    client.response.off("data", take)
    if (asBrowser) browser = { url, lastEventId: client.lastEventId() }
    client.cut()
  }

  const overSync = async (over: Promise<void>, wait: number): Promise<void> => {
    const abort = new AbortController()
    void over.then(() => abort.abort())
    while (!abort.signal.aborted) {
      const query = queryOf()
      if (wait > 0) query.append("wait", String(wait))
      const answered = await api("GET", `/sync?${query}`, { signal: abort.signal }).catch((cause: unknown) => {
        if (!abort.signal.aborted) throw cause
      })
      for (const frame of (answered?.body["frames"] ?? []) as ReadonlyArray<ModelFrame>) accept(frame)
      for (const model of models) model.cut()
      if (wait === 0) await sleep(8)
    }
  }

  const run = async (): Promise<void> => {
    while (!isSettled) {
      const { carrier, ms } = nextLeg()
      used.push(carrier)
      const over = Promise.race(ms === undefined ? [settled] : [settled, sleep(ms)])
      if (carrier === "websocket") await overWebSocket(over)
      else if (carrier === "long-poll" || carrier === "poll") await overSync(over, carrier === "poll" ? 0 : 5)
      else await overEvents(over, carrier === "browser")
      for (const model of models) model.cut()
    }
  }

  return {
    name,
    models,
    used,
    finishAt: (at) => {
      heads = at
      look()
    },
    done: run(),
    resumed: () => resumed,
    violations: () => models.flatMap((model) => model.violations),
  }
}
