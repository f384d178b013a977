/**
 * Random tests draw the same cases in CI on every run, so that a red run says something about the change. Elsewhere they draw new ones each time; a
 * failure prints its seed. `TEST_SEED=123 npm test` draws those of a seed, anywhere.
 */
import fc from "fast-check"

const CI_SEED = 20_261_120

const { TEST_SEED, CI } = process.env
const seed = TEST_SEED === undefined ? (CI === "true" ? CI_SEED : undefined) : Number(TEST_SEED)
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed })
