/** One sends, many read: deliveries per second at 1, 8 and 32 messages in flight, with 100 and 1,000 subscribers. */
import type { Contender } from "../contender.ts"
import { type Dialect, type Speaker } from "../dialects.ts"
import { figure, median, spread, table } from "../statistics.ts"

export const TEXT = "A message as people write it: a sentence, sometimes two, about a hundred characters of it, with an end."

const settled = (deliveries: () => number, wanted: number): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => void (deliveries() >= wanted ? resolve() : setTimeout(look, 1))
    look()
  })

/** Runs `lanes` senders that each wait for their ack, until `ms` have passed; returns how many were sent. */
export const sendFor = async (speaker: Speaker, room: string, lanes: number, ms: number): Promise<number> => {
  const until = performance.now() + ms
  let sent = 0
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (performance.now() < until) {
        sent += 1
        await speaker.send(room, TEXT)
      }
    }),
  )
  return sent
}

export interface FanOutFigure {
  readonly perSecond: number
  /** Deliveries per second of the server's CPU. */
  readonly perCpuSecond: number
}

const measureFanOut = async (
  contender: Contender,
  dialect: Dialect,
  subscribers: number,
  inFlight: number,
  ms: number,
): Promise<FanOutFigure> => {
  const room = await dialect.makeRoom(contender)
  const readers: Array<Speaker> = []
  for (let i = 0; i < subscribers; i++) readers.push(await dialect.open(contender))
  await Promise.all(readers.map((reader) => reader.join(room)))
  const sender = await dialect.open(contender)
  const delivered = (): number => readers.reduce((sum, reader) => sum + reader.raw.matching(), 0)
  let sent = await sendFor(sender, room, inFlight, ms / 4)
  await settled(delivered, sent * subscribers)
  const before = await contender.usage()
  const from = performance.now()
  const measured = await sendFor(sender, room, inFlight, ms)
  sent += measured
  await settled(delivered, sent * subscribers)
  const seconds = (performance.now() - from) / 1000
  const after = await contender.usage()
  for (const speaker of [...readers, sender]) speaker.raw.close()
  return {
    perSecond: (measured * subscribers) / seconds,
    perCpuSecond: (measured * subscribers) / ((after.cpu - before.cpu) / 1e6),
  }
}

export const fanOut = async (
  contenders: ReadonlyArray<{ readonly contender: Contender; readonly dialect: Dialect }>,
  rounds: number,
): Promise<string> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const subscribers of [100, 1_000])
    for (const inFlight of [1, 8, 32]) {
      const figures = contenders.map((): Array<FanOutFigure> => [])
      for (let round = 0; round < rounds; round++)
        for (const [i, { contender, dialect }] of contenders.entries())
          (figures[i] as Array<FanOutFigure>).push(await measureFanOut(contender, dialect, subscribers, inFlight, 800))
      const [ours = [], ...peers] = figures
      for (const [i, peer] of peers.entries()) {
        const name = contenders[i + 1]?.contender.name ?? ""
        rows.push([
          String(subscribers),
          String(inFlight),
          name,
          figure(median(ours.map(({ perSecond }) => perSecond))),
          figure(median(peer.map(({ perSecond }) => perSecond))),
          spread(ours.map(({ perSecond }, round) => perSecond / (peer[round] as FanOutFigure).perSecond)),
          spread(ours.map(({ perCpuSecond }, round) => perCpuSecond / (peer[round] as FanOutFigure).perCpuSecond)),
        ])
      }
    }
  return table(["subscribers", "in flight", "peer", "parley/s", "peer/s", "ratio", "ratio by server CPU"], rows)
}
