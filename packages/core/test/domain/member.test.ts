import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { MemberBody, MemberStatus, Role } from "../../src/domain/item.ts"
import { type MemberEvent, newMember, transitionMember } from "../../src/domain/member.ts"

type Status = MemberStatus | "none"
type EventType = MemberEvent["type"]
/** `-`: unchanged. `refused`: the event does not fit. Else what follows. */
type Expected =
  | "-"
  | "refused"
  | { readonly status: MemberStatus; readonly role: Role; readonly delta: -1 | 0 | 1; readonly revokes: boolean }

/** Everybody who takes part begins as a moderator; whoever does not is a plain member, as the machine leaves them. */
const TABLE: Record<Status, Record<EventType, Expected>> = {
  none: {
    invited: { status: "invited", role: "member", delta: 0, revokes: false },
    joined: "refused",
    left: "refused",
    removed: "refused",
    banned: { status: "banned", role: "member", delta: 0, revokes: true },
  },
  invited: {
    invited: "-",
    joined: { status: "joined", role: "moderator", delta: 1, revokes: false },
    left: { status: "left", role: "member", delta: 0, revokes: false },
    removed: { status: "removed", role: "member", delta: 0, revokes: false },
    banned: { status: "banned", role: "member", delta: 0, revokes: true },
  },
  joined: {
    invited: "-",
    joined: "-",
    left: { status: "left", role: "member", delta: -1, revokes: true },
    removed: { status: "removed", role: "member", delta: -1, revokes: true },
    banned: { status: "banned", role: "member", delta: -1, revokes: true },
  },
  left: {
    invited: { status: "invited", role: "member", delta: 0, revokes: false },
    joined: "refused",
    left: "-",
    removed: "-",
    banned: { status: "banned", role: "member", delta: 0, revokes: true },
  },
  removed: {
    invited: { status: "invited", role: "member", delta: 0, revokes: false },
    joined: "refused",
    left: "-",
    removed: "-",
    banned: { status: "banned", role: "member", delta: 0, revokes: true },
  },
  banned: { invited: "refused", joined: "refused", left: "-", removed: "-", banned: "-" },
}

const memberWith = (status: Status): MemberBody | undefined => {
  if (status === "none") return undefined
  const role = status === "invited" || status === "joined" ? "moderator" : "member"
  return { kind: "member", id: "mem_ana", v: 1, userId: "ana", role, status }
}

interface Run {
  readonly member: MemberBody | undefined
  /** Joined members that the deltas add up to. */
  readonly joined: number
}

const step = (run: Run, type: EventType): Run => {
  const transition = transitionMember("ana", run.member, { type })
  return transition.type === "changed" ? { member: transition.member, joined: run.joined + transition.delta } : run
}

const anEventType = fc.constantFrom<EventType>("invited", "joined", "left", "removed", "banned")
const aLife = fc.array(anEventType, { maxLength: 15 })
/** Whoever creates a room begins as its joined owner, everybody else as nobody. */
const aBeginning = fc.constantFrom<Run>(
  { member: undefined, joined: 0 },
  { member: newMember("ana", "owner", "joined"), joined: 1 },
)

describe("status × event table of a member", () => {
  for (const status of Object.keys(TABLE) as ReadonlyArray<Status>)
    for (const type of Object.keys(TABLE[status]) as ReadonlyArray<EventType>) {
      const expected = TABLE[status][type]
      const name = expected === "-" ? "changes nothing" : expected === "refused" ? "is refused" : `= ${expected.status}`
      it(`${status} + ${type} ${name}`, () => {
        const transition = transitionMember("ana", memberWith(status), { type })
        if (expected === "-") expect(transition).toEqual({ type: "unchanged" })
        else if (expected === "refused") expect(transition).toEqual({ type: "refused", status })
        else
          expect(transition).toEqual({
            type: "changed",
            member: { kind: "member", id: "mem_ana", v: 1, userId: "ana", role: expected.role, status: expected.status },
            delta: expected.delta,
            revokes: expected.revokes,
          })
      })
    }
})

describe("laws of a member", () => {
  it("counts as one member exactly while joined, over any life", () => {
    fc.assert(
      fc.property(aBeginning, aLife, (beginning, events) => {
        let run = beginning
        for (const type of events) {
          run = step(run, type)
          expect(run.joined).toBe(run.member?.status === "joined" ? 1 : 0)
        }
      }),
    )
  })

  it("revokes access whenever a joined one stops being joined, and never on the way in", () => {
    fc.assert(
      fc.property(aBeginning, aLife, (beginning, events) => {
        let run = beginning
        for (const type of events) {
          const transition = transitionMember("ana", run.member, { type })
          if (transition.type === "changed") {
            if (run.member?.status === "joined") expect(transition.revokes).toBe(true)
            if (transition.member.status === "invited" || transition.member.status === "joined")
              expect(transition.revokes).toBe(false)
          }
          run = step(run, type)
        }
      }),
    )
  })

  it("every event twice is the event once", () => {
    fc.assert(
      fc.property(aBeginning, aLife, anEventType, (beginning, events, type) => {
        const once = step(events.reduce(step, beginning), type)
        expect(step(once, type)).toEqual(once)
      }),
    )
  })

  it("banned is absorbing: no event leads out of it", () => {
    fc.assert(
      fc.property(aBeginning, aLife, aLife, (beginning, before, events) => {
        const banned = step(before.reduce(step, beginning), "banned")
        expect(banned.member?.status).toBe("banned")
        expect(events.reduce(step, banned)).toEqual(banned)
      }),
    )
  })

  it("leaving and coming back by invitation restores the membership, with the role of a plain member", () => {
    const owner: Run = { member: newMember("ana", "owner", "joined"), joined: 1 }
    const back = (["left", "invited", "joined"] as const).reduce(step, owner)
    expect(back).toEqual({ member: newMember("ana", "member", "joined"), joined: 1 })
  })

  it("a mute outlasts every life: leaving and coming back does not lift it", () => {
    const muted: Run = { member: { ...newMember("ana", "member", "joined"), muted: true }, joined: 1 }
    fc.assert(
      fc.property(aLife, (events) => {
        expect(events.reduce(step, muted).member?.muted).toBe(true)
      }),
    )
  })

  it("nobody joins without an invitation", () => {
    fc.assert(
      fc.property(fc.array(anEventType.filter((type) => type !== "invited")), (events) => {
        expect(events.reduce(step, { member: undefined, joined: 0 }).member?.status).not.toBe("joined")
      }),
    )
  })

  it("keeps one item per user: id and user never change", () => {
    fc.assert(
      fc.property(aBeginning, aLife, (beginning, events) => {
        const { member } = events.reduce(step, beginning)
        if (member !== undefined) expect([member.id, member.userId]).toEqual(["mem_ana", "ana"])
      }),
    )
  })
})
