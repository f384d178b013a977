import { eventBusCases } from "@parley/testkit"
import { conformance } from "@parley/testkit/vitest"
import { threadBus } from "./thread-bus.ts"

let buses = 0

conformance("EventBus", eventBusCases)({ name: "thread bus", layer: () => threadBus(`bus-${++buses}`) })
