/** Send → ack without readers, at 1, 32 and 256 in flight. */
import type { Contender } from "../contender.ts"
import type { Dialect } from "../dialects.ts"
import { figure, median, spread, table } from "../statistics.ts"
import { sendFor } from "./fan-out.ts"

interface AckFigure {
  readonly perSecond: number
  /** Server CPU per ack, microseconds. */
  readonly cpu: number
}

const measure = async (contender: Contender, dialect: Dialect, inFlight: number, ms: number): Promise<AckFigure> => {
  const room = await dialect.makeRoom(contender)
  const sender = await dialect.open(contender)
  await sendFor(sender, room, inFlight, ms / 3)
  const before = await contender.usage()
  const from = performance.now()
  const sent = await sendFor(sender, room, inFlight, ms)
  const seconds = (performance.now() - from) / 1000
  const after = await contender.usage()
  sender.raw.close()
  return { perSecond: sent / seconds, cpu: (after.cpu - before.cpu) / sent }
}

export const acks = async (
  contenders: ReadonlyArray<{ readonly contender: Contender; readonly dialect: Dialect }>,
  rounds: number,
  lanes: ReadonlyArray<number> = [1, 32, 256],
): Promise<string> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const inFlight of lanes) {
    const figures = contenders.map((): Array<AckFigure> => [])
    for (let round = 0; round < rounds; round++)
      for (const [i, { contender, dialect }] of contenders.entries())
        (figures[i] as Array<AckFigure>).push(await measure(contender, dialect, inFlight, 1_500))
    const [ours = [], ...peers] = figures
    for (const [i, peer] of peers.entries())
      rows.push([
        String(inFlight),
        `${contenders[0]?.contender.name} : ${contenders[i + 1]?.contender.name}`,
        figure(median(ours.map(({ perSecond }) => perSecond))),
        figure(median(peer.map(({ perSecond }) => perSecond))),
        spread(ours.map(({ perSecond }, round) => perSecond / (peer[round] as AckFigure).perSecond)),
        figure(median(ours.map(({ cpu }) => cpu))),
        figure(median(peer.map(({ cpu }) => cpu))),
      ])
  }
  return table(["in flight", "which", "first/s", "second/s", "ratio", "first CPU µs", "second CPU µs"], rows)
}
