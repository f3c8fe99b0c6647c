/** The HTTP interface as one more process of a fleet, and what its user is told about it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FleetRoles } from "./fleet-roles.ts";
import type { Supervisor } from "./supervisor.ts";

/** The HTTP interface of a fleet. */
export interface FleetApi {
  /** `http://127.0.0.1:8080` */
  readonly address: string;
  /** Where the accounts' passwords were written, in this run or an earlier one. */
  readonly accountsFile: string;
  /** This run has made them. */
  readonly madeAccounts: boolean;
}

export interface ApiProcess {
  readonly data: string;
  readonly roles: FleetRoles;
  readonly supervisor: Supervisor;
  /** Whose bills the customer of the demonstration sees. */
  readonly meter: string | undefined;
  /** Its readings are made up, so that one household may be shown. */
  readonly isMadeUp: boolean;
}

export async function startApi({ data, roles, supervisor, ...shown }: ApiProcess): Promise<FleetApi> {
  const accountsFile = join(data, "fleet", "accounts.json");
  const ready = await supervisor.start(roles.api({ accountsFile, ...shown }));
  const { address, madeAccounts } = ready as unknown as Pick<FleetApi, "address" | "madeAccounts">;
  const api = { address, accountsFile, madeAccounts };
  // Where it is started again, browsers look for it where it was.
  supervisor.respecify(roles.api({ accountsFile, ...shown, port: portOf(api) }));
  return api;
}

export function portOf({ address }: FleetApi): number {
  return Number(new URL(address).port);
}

/** Where it is found, and how to sign in once: when this run has made the accounts. */
export function apiNotes(api: FleetApi | undefined): string[] {
  if (api === undefined) return [];
  const where = `The dashboard: ${api.address}/app/   The HTTP interface: ${api.address} (routes: ${api.address}/docs)`;
  if (!api.madeAccounts) return [where, `Accounts are those of an earlier run: ${api.accountsFile}`];
  const { accounts } = JSON.parse(readFileSync(api.accountsFile, "utf8")) as {
    accounts: { name: string; password: string; meters: string[] }[];
  };
  const lines = accounts.map(({ name, password, meters: [meter] }) => {
    return `  ${name.padEnd(10)}${password}${meter === undefined ? "" : `  (of ${meter})`}`;
  });
  return [where, `Accounts of this demonstration, name and password (kept in ${api.accountsFile}):`, ...lines];
}
