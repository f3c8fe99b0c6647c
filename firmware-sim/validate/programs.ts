/** Programs of others that the recipes in the documentation use; the system itself needs none of them. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, note } = findingsOf("optional programs");

const PROGRAMS = [
  { name: "mosquitto_sub", use: "reads the public topics", remedy: "apt-get install mosquitto-clients" },
  { name: "sqlite3", use: "queries the databases", remedy: "apt-get install sqlite3" },
];

/** `path`: as in the environment variable PATH. */
export function checkPrograms(path: string): Finding[] {
  return PROGRAMS.map(({ name, use, remedy }) => {
    const found = path
      .split(delimiter)
      .filter((folder) => folder !== "")
      .map((folder) => join(folder, name))
      .find(isExecutable);
    return found === undefined ? note(name, `not installed; it ${use}`, remedy) : ok(name, `${found}: ${use}`);
  });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
