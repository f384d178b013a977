/** What the engine adds to each token of an answer with one subscriber: its CPU minus that of taking the same tokens and doing nothing. */
import type { Contender } from "../contender.ts"
import { spread, table } from "../statistics.ts"

/** As servers/tokens.ts has it. */
const TOKENS = 50 * 400

const measure = async (contender: Contender): Promise<number> => {
  const before = await contender.usage()
  await contender.tell("run")
  return (await contender.usage()).cpu - before.cpu
}

export const tokens = async (
  { contender: engine }: { readonly contender: Contender },
  { contender: raw }: { readonly contender: Contender },
  rounds: number,
): Promise<string> => {
  const costs: Array<number> = []
  const floors: Array<number> = []
  await measure(engine)
  await measure(raw)
  for (let round = 0; round < rounds; round++) {
    const all = await measure(engine)
    const floor = await measure(raw)
    costs.push((all - floor) / TOKENS)
    floors.push(floor / TOKENS)
  }
  return table(["engine µs per token", "provider alone µs per token"], [[spread(costs), spread(floors)]])
}
