/**
 * Moves a database from one version of the schema to another, forward and back. The version is SQLite's own `user_version`,
 * which changes in the transaction of the step it names: a crash leaves one version or the other, never a mixture.
 */
import type { DatabaseSync } from "node:sqlite"
import { failureOf } from "./storage-failure.ts"

export interface Migration {
  readonly up: (database: DatabaseSync) => void
  readonly down: (database: DatabaseSync) => void
}

export const versionOf = (database: DatabaseSync): number =>
  (database.prepare("PRAGMA user_version").get() as { user_version: number }).user_version

const step = (database: DatabaseSync, run: (database: DatabaseSync) => void, version: number): void => {
  database.exec("BEGIN IMMEDIATE")
  try {
    run(database)
    database.exec(`PRAGMA user_version = ${version}`)
    database.exec("COMMIT")
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK")
    throw error
  }
}

/** Throws a `StorageError` when a newer version of the code wrote the database: its rules are unknown here. */
export const migrate = (
  database: DatabaseSync,
  migrations: ReadonlyArray<Migration>,
  target: number = migrations.length,
): void => {
  const found = versionOf(database)
  if (found > migrations.length)
    throw failureOf(
      "unavailable",
      `${database.location() ?? "the database"} has schema version ${found}, and this version of Parley knows ${migrations.length} ` +
        "at most. Start the newer version of Parley that wrote it, or restore a backup from before the upgrade.",
    )
  for (let version = found; version < target; version++) step(database, (migrations[version] as Migration).up, version + 1)
  for (let version = found; version > target; version--) step(database, (migrations[version - 1] as Migration).down, version - 1)
}
