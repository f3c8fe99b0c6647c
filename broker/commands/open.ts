/** What every command of the broker opens: its keys, and who is a member. */
import { join } from "node:path";
import { openParty, type Party, readRoll } from "../../config/keys/index.ts";
import { openDatabase, type SqliteDatabase } from "../../config/runtime/database.ts";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { Revocations } from "../revocations.ts";

export const PARTY = "broker";

/** Throws UsageError for the keys of another party, KeyFolderError. */
export function openBrokerParty({ config }: Pick<RoleContext, "config">): Party {
  const party = openParty(join(config.paths.data, "keys", PARTY));
  if (party.role !== "broker") throw new UsageError(`${party.folder}: expected the broker's keys, got ${party.role}'s`);
  return party;
}

/** `database`: to be closed. `alone`: no other process may have it open. */
export function openRevocations(
  { config }: Pick<RoleContext, "config">,
  party: Party,
  alone: boolean,
): { database: SqliteDatabase; revocations: Revocations } {
  const database = openDatabase(join(config.paths.data, PARTY, "broker.db"), { synchronous: "FULL", alone });
  const revocations = new Revocations(database, party.directory);
  revocations.addAll(readRoll(party.folder));
  return { database, revocations };
}
