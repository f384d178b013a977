/**
 * Who calls. Every use case takes a Principal first and trusts no id of its input:
 * tenant and user come from here alone.
 */
export interface Principal {
  /** First part of every store key and topic; `default` for those who need none. */
  readonly tenant: string
  /** Stable id of the user inside the tenant: 1 to 128 UTF-16 code units. */
  readonly userId: string
  /** Roles the host's token names; none of them is a member role of a room. */
  readonly roles: ReadonlyArray<string>
  /** `iss` + `jti` of the token, for revocation and audit. Never the token itself. */
  readonly tokenId?: string
  /** Milliseconds since the Unix epoch after which the token no longer holds. */
  readonly expiresAt?: number
}

export const DEFAULT_TENANT = "default"
