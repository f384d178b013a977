/** One-time keys of one process. Nodes of a cluster need some that cross processes. */
import * as Layer from "effect/Layer"
import { makeLocalKeys, OneTimeKeys } from "@parley/core"

export const memoryOneTimeKeys = (options: { readonly maxKeys?: number } = {}): Layer.Layer<OneTimeKeys> =>
  Layer.sync(OneTimeKeys, () => makeLocalKeys(options.maxKeys))
