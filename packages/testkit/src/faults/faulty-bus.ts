/**
 * A bus that does everything its contract allows: it loses, repeats and reorders events. What a node does with such a bus is what
 * it does with a healthy one, later; `heal` ends the faults, so that a test can see that it was only later.
 */
import type { BusEvent, EventBusShape } from "@parley/core"

export interface BusFaults {
  /** The next `count` events are lost. */
  readonly drop: (count: number) => void
  /** The next `count` events come twice. */
  readonly repeat: (count: number) => void
  /** The next `count` events come after the one that follows them, the newest of them first. */
  readonly reorder: (count: number) => void
  /** From now on the newest `count` events are on their way: each comes when so many newer ones were published. Healing loses them. */
  readonly loseLast: (count: number) => void
  /** No more faults. What was overtaken comes now; what was withheld as the newest is lost, and nothing that follows tells. */
  readonly heal: () => void
}

export interface FaultyBus {
  readonly bus: EventBusShape
  readonly faults: BusFaults
}

export const faultyBus = (bus: EventBusShape): FaultyBus => {
  let next: Array<"drop" | "repeat" | "reorder"> = []
  let overtaken: Array<BusEvent> = []
  let withheld: Array<BusEvent> = []
  let lag = 0

  const send = (event: BusEvent): void => {
    withheld.push(event)
    while (withheld.length > lag) bus.publish(withheld.shift() as BusEvent)
  }
  const letPass = (): void => {
    const late = overtaken.toReversed()
    overtaken = []
    for (const event of late) send(event)
  }
  const plan = (fault: "drop" | "repeat" | "reorder") => (count: number) => {
    for (let i = 0; i < count; i++) next.push(fault)
  }

  return {
    bus: {
      publish: (event) => {
        const fault = next.shift()
        if (fault === "drop") return
        if (fault === "reorder") return void overtaken.push(event)
        send(event)
        if (fault === "repeat") send(event)
        letPass()
      },
      subscribe: bus.subscribe,
    },
    faults: {
      drop: plan("drop"),
      repeat: plan("repeat"),
      reorder: plan("reorder"),
      loseLast: (count) => {
        lag = count
      },
      heal: () => {
        next = []
        lag = 0
        withheld = []
        letPass()
      },
    },
  }
}
