/** From `storage.url` to the place of one party's database. */
import path from "node:path";
import type { Config } from "../schema.ts";

/** Whether the server is on this machine: by its loopback, or by a socket. */
export function isLocal(url: URL): boolean {
  const host = url.searchParams.get("host") ?? url.hostname;
  return host === "" || host.startsWith("/") || host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

/**
 * Where a party's database is: the file `<data>/<party>/<file>`, or the party's schema on the server. `login`: who opens
 * it, where that is another party. `schema`: for the second store of a party, of which a folder holds any number.
 */
export function storePlace(
  { storage, paths }: Pick<Config, "storage" | "paths">,
  party: string,
  file: string,
  login = party,
  schema = party,
): string {
  if (storage.url === "") return path.join(paths.data, party, file);
  const url = new URL(storage.url);
  if (url.username === "" && !url.searchParams.has("user")) url.searchParams.set("user", `wattveil_${schemaOf(login)}`);
  if (!url.searchParams.has("sslmode")) url.searchParams.set("sslmode", isLocal(url) ? "disable" : "verify-full");
  url.hash = schemaOf(schema);
  return url.href;
}

/** Names without quotes have no hyphen. */
function schemaOf(party: string): string {
  return party.replaceAll("-", "_");
}

type Place = Pick<Config, "storage" | "paths">;

/** Accounts, sessions, tokens and the audit of the HTTP interface. */
export function accountsPlace(config: Place): string {
  return storePlace(config, "api", "api.db");
}

/** Its alerts. */
export function alertsPlace(config: Place): string {
  return storePlace(config, "api", "alerts.db", "api", "api_alerts");
}

/** Ciphertexts, jobs and results of analytics. */
export function analyticsPlace(config: Place): string {
  return storePlace(config, "analytics", "analytics.db");
}

/** Its noised releases. */
export function releasesPlace(config: Place): string {
  return storePlace(config, "analytics", "releases.db", "analytics", "analytics_releases");
}

/** What it remembers of the grid. */
export function gridPlace(config: Place): string {
  return storePlace(config, "analytics", "grid.db", "analytics", "analytics_grid");
}
