/**
 * The package that `npm pack` makes, unpacked where it would be installed, beside the packages that it depends on and no
 * others: its command runs a whole fleet.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");
const root = mkdtempSync(join(tmpdir(), "wattveil-package-"));
const modules = join(root, "node_modules");
const command = join(modules, "wattveil/bin/wattveil.mjs");

interface Lock {
  readonly packages: Readonly<Record<string, { dev?: boolean; devOptional?: boolean }>>;
}

before(() => {
  const [{ filename }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", root], {
      cwd: ROOT,
      encoding: "utf8",
    }),
  ) as [{ filename: string }];
  mkdirSync(join(modules, "wattveil"), { recursive: true });
  execFileSync("tar", ["-xzf", join(root, filename), "-C", join(modules, "wattveil"), "--strip-components=1"]);
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock;
  for (const [path, { dev = false }] of Object.entries(packages)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    if (name === undefined || dev) continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, path), join(modules, name));
  }
});
after(() => rmSync(root, { recursive: true, force: true }));

function wattveil(...args: string[]) {
  return spawnSync(process.execPath, [command, ...args], { cwd: root, encoding: "utf8" });
}

test("the command lists what it can do, and refuses what it cannot", () => {
  const listed = wattveil("--help");
  assert.equal(listed.status, 0);
  assert.match(listed.stdout, /Commands: .*\bfleet\b.*\bmeters\b.*\bbills\b/);
  const unknown = wattveil("fleets");
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /unknown command "fleets"/);
});

test("a fleet runs from the package in the caller's folder, and its bills are there", () => {
  const size = ["--meters", "6", "--feeders", "1", "--no-api"];
  const free = ["tlsPort", "wssPort", "publicPort"].flatMap((port) => ["--set", `broker.${port}=0`]);
  const quick = ["--set", "homomorphic.enabled=false", "--set", "grid.enabled=false"];
  const ran = wattveil("fleet", ...size, ...free, ...quick, "--json");
  assert.equal(ran.status, 0, ran.stderr);
  const summary = JSON.parse(ran.stdout) as { billsExact: boolean; feederLoadsExact: boolean };
  assert.ok(summary.billsExact && summary.feederLoadsExact, ran.stdout);
  const bills = wattveil("bills", "--json");
  assert.equal(bills.status, 0, bills.stderr);
  assert.match(bills.stdout, /"m-001"/);
  assert.equal(wattveil("fleet", "--no-such-flag").status, 2);
});
