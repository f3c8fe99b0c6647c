/** Is the program itself complete: node, packages in the versions that package.json names, native modules, arithmetic. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { z } from "zod";
import { runSelfTests } from "../../protocol/self-test.ts";
import { type Finding, findingsOf, messageOf } from "./finding.ts";

const manifest = z.object({
  version: z.string(),
  engines: z.object({ node: z.string() }).optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});
type Manifest = z.infer<typeof manifest>;

const { ok, note, fault } = findingsOf("installation");

function readManifest(folder: string): Manifest {
  return manifest.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
}

/** `root`: the folder of package.json. `nodeVersion`: as process.versions.node gives it. */
export function checkInstallation(root: string, nodeVersion: string): Finding[] {
  let wanted: Manifest;
  try {
    wanted = readManifest(root);
  } catch (error) {
    return [fault("package.json", `${join(root, "package.json")}: ${messageOf(error)}`, "get the sources again")];
  }
  return [
    checkNode(wanted.engines?.node ?? "", nodeVersion),
    ...checkPackages(root, "packages", wanted.dependencies, true),
    ...checkPackages(root, "packages for tests and checks", wanted.devDependencies, false),
  ];
}

/** `range` is of the form `>=20.19`. */
function checkNode(range: string, version: string): Finding {
  const numbers = (text: string): number[] => (/\d+(\.\d+)*/.exec(text)?.[0] ?? "0").split(".").map(Number);
  const least = numbers(range);
  const is = numbers(version);
  const index = least.findIndex((number, at) => number !== (is[at] ?? 0));
  const enough = index < 0 || (is[index] ?? 0) > least[index]!;
  if (enough) return ok("node", `${version} (${range})`);
  return fault("node", `${version}, but ${range} is needed`, `install node ${least.join(".")} or later`);
}

function checkPackages(
  root: string,
  check: string,
  wanted: Readonly<Record<string, string>>,
  needed: boolean,
): Finding[] {
  const wrong = Object.entries(wanted).flatMap(([name, version]) => {
    const is = installedVersion(root, name);
    if (is === version) return [];
    return [is === undefined ? `${name} is missing` : `${name} is ${is}, not ${version}`];
  });
  const count = Object.keys(wanted).length;
  if (wrong.length === 0) return [ok(check, `${count} as package.json says`)];
  const detail = wrong.length > 5 ? `${wrong.slice(0, 5).join("; ")}; and ${wrong.length - 5} more` : wrong.join("; ");
  return [needed ? fault(check, detail, "npm ci") : note(check, detail, "npm ci, if you want to run them")];
}

function installedVersion(root: string, name: string): string | undefined {
  try {
    return readManifest(join(root, "node_modules", name)).version;
  } catch {
    return undefined;
  }
}

/** Loads SQLite's native part and runs a statement. `open` is a parameter for tests. */
export function checkNativeModules(open: () => { close: () => void } = openInMemory): Finding {
  try {
    open().close();
    return ok("native modules", "better-sqlite3 loads and answers");
  } catch (error) {
    return fault("native modules", `better-sqlite3: ${messageOf(error)}`, "npm rebuild better-sqlite3");
  }
}

function openInMemory(): { close: () => void } {
  const database = new Database(":memory:");
  database.exec("CREATE TABLE probe (one INTEGER); INSERT INTO probe VALUES (1)");
  return database;
}

/** Field, shares, ciphers, signatures and hashes on this machine. */
export async function checkArithmetic(run: typeof runSelfTests = runSelfTests): Promise<Finding[]> {
  const self = findingsOf("self-test");
  const results = await run();
  return results.map(({ name, passed, detail }) =>
    passed
      ? self.ok(name, "correct")
      : self.fault(name, detail, "do not use this machine or this build of node; try another one"),
  );
}
