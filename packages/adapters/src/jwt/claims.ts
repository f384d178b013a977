/**
 * From verified claims to a Principal. The signature proves who wrote the claims, not that they make sense here.
 */
import { DEFAULT_TENANT } from "@parley/core"
import type { Principal } from "@parley/core"

type Claims = { readonly [name: string]: unknown }

export type ClaimsResult =
  | { readonly ok: true; readonly principal: Principal & { readonly expiresAt: number } }
  | { readonly ok: false; readonly problem: string }

const TENANT = /^[A-Za-z0-9_-]{1,64}$/
const MAX_NAME = 128
/** Of `iss` and `jti`, which stand in revocation lists and the audit. */
const MAX_IDENTITY = 512
const MAX_ROLES = 64
/** The last second that a JavaScript Date can name. */
const MAX_SECONDS = 8_640_000_000_000

/** Well-formed text without NUL: what every store keeps unchanged. */
const isText = (value: unknown, max: number): value is string =>
  typeof value === "string" && value.length >= 1 && value.length <= max && value.isWellFormed() && !value.includes("\0")

const isSeconds = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= MAX_SECONDS

const refused = (problem: string): ClaimsResult => ({ ok: false, problem })

export const principalOf = (claims: Claims): ClaimsResult => {
  const { sub, iss, jti, exp, tid, roles = [] } = claims
  const { tenant = tid === undefined ? DEFAULT_TENANT : tid } = claims
  if (!isSeconds(exp)) return refused("the exp claim is missing or no time")
  if (!isText(sub, MAX_NAME)) return refused("the sub claim is missing or no user id")
  if (typeof tenant !== "string" || !TENANT.test(tenant)) return refused("the tenant claim is no tenant id")
  // Two names for one thing must not let two readers see two tenants.
  if (tid !== undefined && tid !== tenant) return refused("the tenant and tid claims differ")
  if (!Array.isArray(roles) || roles.length > MAX_ROLES || !roles.every((role) => isText(role, MAX_NAME)))
    return refused("the roles claim is no list of role names")
  if (iss !== undefined && !isText(iss, MAX_IDENTITY)) return refused("the iss claim is no text")
  if (jti !== undefined && !isText(jti, MAX_IDENTITY)) return refused("the jti claim is no text")
  return {
    ok: true,
    principal: {
      tenant,
      userId: sub,
      roles: roles as ReadonlyArray<string>,
      expiresAt: Math.floor(exp * 1_000),
      ...(jti === undefined ? {} : { tokenId: `${iss ?? ""}:${jti}` }),
    },
  }
}
