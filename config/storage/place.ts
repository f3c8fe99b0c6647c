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
 * it, where that is another party.
 */
export function storePlace(
  { storage, paths }: Pick<Config, "storage" | "paths">,
  party: string,
  file: string,
  login = party,
): string {
  if (storage.url === "") return path.join(paths.data, party, file);
  const url = new URL(storage.url);
  if (url.username === "" && !url.searchParams.has("user")) url.searchParams.set("user", `wattveil_${schemaOf(login)}`);
  if (!url.searchParams.has("sslmode")) url.searchParams.set("sslmode", isLocal(url) ? "disable" : "verify-full");
  url.hash = schemaOf(party);
  return url.href;
}

/** Names without quotes have no hyphen. */
function schemaOf(party: string): string {
  return party.replaceAll("-", "_");
}
