/**
 * Where tests of stores keep theirs: the file that they name; or, where the variable holds a server's address, a schema of
 * its own on that server for each file. So the same tests run on both databases.
 */
import { createHash } from "node:crypto";

/** Set by the tests that run others once more on a server. */
export const SERVER_VARIABLE = "WATTVEIL_TEST_SERVER";

export function isOnServer(): boolean {
  return (process.env[SERVER_VARIABLE] ?? "") !== "";
}

export function testPlace(file: string): string {
  if (!isOnServer()) return file;
  return `${process.env[SERVER_VARIABLE]!}#t_${createHash("sha256").update(file).digest("hex").slice(0, 24)}`;
}
