/** Where Debian keeps the programs of PostgreSQL's server: in no folder of PATH. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

const DEBIAN = "/usr/lib/postgresql";

/** Newest version first; none where it is not installed. */
export function serverFolders(): string[] {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => path.join(DEBIAN, version, "bin"));
}

/** The file of a program of the server. PATH is looked through before. */
export function serverProgram(name: string): string {
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), ...serverFolders()];
  const found = folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`${name} is not installed (Debian: postgresql)`);
  return found;
}
