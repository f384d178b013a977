/** A private room of the owner `olga` and the members `ann` and `ben`, and what happens in it, request by request. */
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Message } from "../../src/domain/item.ts"
import type { Principal } from "../../src/domain/principal.ts"
import type { EngineError } from "../../src/engine/environment.ts"
import type { Dispatched } from "../../src/gateway/dispatch.ts"
import type { Commit } from "../../src/ports/conversation-log.ts"
import { type Cluster, type ClusterOptions, makeCluster, type Node, user } from "./cluster.ts"
import { seedConversation } from "./conversations.ts"

export const ROOM = "room_1"
export const [olga, ann, ben, eve] = ["olga", "ann", "ben", "eve"].map((id) => user(id)) as [
  Principal,
  Principal,
  Principal,
  Principal,
]

export interface Room {
  readonly cluster: Cluster
  readonly nodes: readonly [Node, Node]
  /** Every commit that came to be, in order, with its first change. */
  readonly commits: ReadonlyArray<{ readonly commit: Commit; readonly change: number }>
  readonly head: () => number
  readonly messages: () => ReadonlyArray<Message>
  readonly request: (who: Principal, frame: Record<string, unknown>, node?: Node) => Fiber.Fiber<object, EngineError>
  readonly ask: (who: Principal, frame: Record<string, unknown>, node?: Node) => Exit.Exit<object, EngineError>
}

export const send = (clientMessageId: string, text = clientMessageId) => ({ type: "send_message", clientMessageId, text })

export const makeRoom = (options: ClusterOptions & { readonly latency?: number } = {}): Room => {
  const cluster = makeCluster({ busLatency: options.latency ?? 0, ...options })
  const { sim, store } = cluster
  const commits: Array<{ readonly commit: Commit; readonly change: number }> = []
  const record = store.onCommit
  store.onCommit = (commit, outcome) => {
    record(commit, outcome)
    if (commit.conversation === ROOM) commits.push({ commit, change: outcome.items[0]?.change ?? outcome.head.change })
  }
  const nodes: readonly [Node, Node] = [cluster.start(), cluster.start()]
  seedConversation(sim, store, { id: ROOM, type: "private", members: ["olga", "ann", "ben"] })
  store.faults.latency = options.latency ?? 0
  const log = () => cluster.logs.get(ROOM)!
  const request: Room["request"] = (who, frame, node = nodes[0]) =>
    node.process.fork(node.gateway.dispatch(who, { id: "r", conversationId: ROOM, ...frame } as unknown as Dispatched))
  return {
    cluster,
    nodes,
    commits,
    head: () => log().head,
    messages: () =>
      [...log().stateAt().values()].filter((item) => item.kind === "message") as ReadonlyArray<unknown> as ReadonlyArray<Message>,
    request,
    ask: (who, frame, node) => sim.join(request(who, frame, node)),
  }
}
