/** From send to each reader, at a rate every contender takes with ease: 100 messages a second to 100 subscribers. Samples of all rounds are merged. */
import { setTimeout as pause } from "node:timers/promises"
import type { Contender } from "../contender.ts"
import type { Dialect, Speaker } from "../dialects.ts"
import { percentile, table } from "../statistics.ts"
import { TEXT } from "./fan-out.ts"

const SUBSCRIBERS = 100
const INTERVAL_MS = 10
const MESSAGES = 200

const measure = async (contender: Contender, dialect: Dialect): Promise<ReadonlyArray<number>> => {
  const room = await dialect.makeRoom(contender)
  const samples: Array<number> = []
  let sentAt = 0
  const readers: Array<Speaker> = []
  for (let i = 0; i < SUBSCRIBERS; i++)
    readers.push(
      await dialect.open(contender, (count) => {
        // One message is on its way at a time, so whatever comes is the one sent last.
        for (let n = 0; n < count; n++) samples.push(performance.now() - sentAt)
      }),
    )
  await Promise.all(readers.map((reader) => reader.join(room)))
  const sender = await dialect.open(contender)
  for (let i = 0; i < MESSAGES; i++) {
    if (i === MESSAGES / 4) samples.length = 0
    const next = pause(INTERVAL_MS)
    sentAt = performance.now()
    await sender.send(room, TEXT)
    await next
  }
  await pause(100)
  for (const speaker of [...readers, sender]) speaker.raw.close()
  return samples
}

export const latency = async (
  contenders: ReadonlyArray<{ readonly contender: Contender; readonly dialect: Dialect }>,
  rounds: number,
): Promise<string> => {
  const merged = contenders.map((): Array<number> => [])
  for (let round = 0; round < rounds; round++)
    for (const [i, { contender, dialect }] of contenders.entries())
      (merged[i] as Array<number>).push(...(await measure(contender, dialect)))
  const [ours = []] = merged
  return table(
    ["who", "p50 ms", "p99 ms", "p50: parley / it", "p99: parley / it"],
    merged.map((samples, i) => [
      contenders[i]?.contender.name ?? "",
      percentile(samples, 0.5).toFixed(3),
      percentile(samples, 0.99).toFixed(3),
      (percentile(ours, 0.5) / percentile(samples, 0.5)).toFixed(2),
      (percentile(ours, 0.99) / percentile(samples, 0.99)).toFixed(2),
    ]),
  )
}
