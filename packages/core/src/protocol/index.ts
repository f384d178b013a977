/** The wire: requests, frames, errors, close codes. */
export * from "./close-codes.ts"
export * from "./decode.ts"
export * from "./errors.ts"
export * from "./frames.ts"
export * from "./held-answers.ts"
export * from "./requests.ts"
export * from "./text-rule.ts"
