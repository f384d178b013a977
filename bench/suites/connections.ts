/** What a connection costs: memory while it rests, joined, and CPU until it has joined. */
import type { Contender } from "../contender.ts"
import type { Dialect, Speaker } from "../dialects.ts"
import { median, spread, table } from "../statistics.ts"

interface ConnectionFigure {
  /** KiB per connection. */
  readonly rss: number
  readonly heap: number
  /** Server CPU to connect, authenticate and join, microseconds. */
  readonly cpu: number
}

const measure = async (contender: Contender, dialect: Dialect, count: number): Promise<ConnectionFigure> => {
  const room = await dialect.makeRoom(contender)
  const speakers: Array<Speaker> = []
  const open = async (): Promise<void> => {
    const speaker = await dialect.open(contender)
    await speaker.join(room)
    speakers.push(speaker)
  }
  // The first ones warm up code that the others share.
  for (let i = 0; i < 200; i++) await open()
  const before = await contender.usage(true)
  const cpuBefore = (await contender.usage()).cpu
  for (let i = 0; i < count; i += 20) await Promise.all(Array.from({ length: 20 }, open))
  const cpu = (await contender.usage()).cpu - cpuBefore
  const after = await contender.usage(true)
  for (const speaker of speakers) speaker.raw.close()
  return { rss: (after.rss - before.rss) / count / 1024, heap: (after.heap - before.heap) / count / 1024, cpu: cpu / count }
}

export const connections = async (
  start: ReadonlyArray<() => Promise<{ readonly contender: Contender; readonly dialect: Dialect }>>,
  rounds: number,
  count = 3_000,
): Promise<string> => {
  const names: Array<string> = []
  const figures = start.map((): Array<ConnectionFigure> => [])
  for (let round = 0; round < rounds; round++)
    for (const [i, make] of start.entries()) {
      // A process of its own each time: memory that one round freed would flatter the next.
      const { contender, dialect } = await make()
      names[i] = contender.name
      ;(figures[i] as Array<ConnectionFigure>).push(await measure(contender, dialect, count))
      contender.end()
    }
  const [ours = [], ...peers] = figures
  const row = (name: string, all: ReadonlyArray<ConnectionFigure>): ReadonlyArray<string> => [
    name,
    spread(all.map(({ rss }) => rss)),
    spread(all.map(({ heap }) => heap)),
    spread(all.map(({ cpu }) => cpu)),
    median(all.map(({ rss }, i) => (ours[i] as ConnectionFigure).rss / rss)).toFixed(2),
    median(all.map(({ cpu }, i) => cpu / (ours[i] as ConnectionFigure).cpu)).toFixed(2),
  ]
  return table(
    ["who", "RSS KiB each", "heap KiB each", "CPU µs each", "memory: parley / it", "connect + join: it / parley by CPU"],
    [row(names[0] as string, ours), ...peers.map((peer, i) => row(names[i + 1] as string, peer))],
  )
}
