/** What must hold for an address of PostgreSQL. */
import { type Check, unless } from "./check.ts";
import { isLocal } from "./storage/place.ts";

/** Those that leave the server's identity unchecked give passwords and shares to whoever answers. */
const CHECKED_MODES = ["verify-full", "verify-ca", "disable"];

/** What is wrong with an address; undefined for one that may be used. */
export function addressFault(text: string): string | undefined {
  if (!URL.canParse(text)) return "expected postgresql://host:port/database";
  const url = new URL(text);
  if (url.password !== "" || url.searchParams.has("password")) {
    return "a password must not stand here: put it into PGPASSWORD or ~/.pgpass";
  }
  if (!/^\/[^/]+$/.test(url.pathname)) return "expected the name of a database behind the host";
  if (url.hash !== "") return "expected no # part: each party's schema is named after it";
  const mode = url.searchParams.get("sslmode");
  if (mode !== null && !CHECKED_MODES.includes(mode)) {
    return `sslmode=${mode} does not check who the server is: take ${CHECKED_MODES.join(", ")}`;
  }
  return unless(mode !== "disable" || isLocal(url), `sslmode=disable is only for a server on this machine`);
}

/** A party waits no longer for its database server, which it does in the middle of its work. */
export const SERVER_SECONDS = 120;

export const STORAGE_CHECKS: readonly Check[] = [
  {
    fields: ["storage.url"],
    rule: "The server's address names a database, holds no password, and leaves TLS out only on this machine",
    fault: ({ storage: { url } }) => (url === "" ? undefined : addressFault(url)),
  },
  {
    fields: ["simulation.workers", "storage.url"],
    rule: "Several workers of an aggregator share a database on PostgreSQL",
    fault: ({ simulation: { workers }, storage: { url } }) =>
      unless(workers === 1 || url !== "", `${workers} workers for each aggregator need storage.url`),
  },
  {
    fields: ["simulation.workers", "simulation.broker"],
    rule: "Several workers of an aggregator need a broker that takes client ids beside the certificate's name",
    fault: ({ simulation: { workers, broker } }) =>
      unless(workers === 1 || broker !== "mosquitto", "Mosquitto knows an aggregator by its certificate alone"),
  },
  {
    fields: ["roles.stillSeconds", "storage.url"],
    rule: "A role on PostgreSQL may stand still for as long as it waits for an answer of the server",
    fault: ({ roles: { stillSeconds }, storage: { url } }) =>
      unless(
        url === "" || stillSeconds === 0 || stillSeconds > SERVER_SECONDS,
        `${stillSeconds} s are not more than the ${SERVER_SECONDS} s of that`,
      ),
  },
];
