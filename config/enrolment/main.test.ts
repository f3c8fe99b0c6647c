import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { z } from "zod";

const data = mkdtempSync(join(tmpdir(), "enrol-main-"));
after(() => rmSync(data, { recursive: true, force: true }));
const main = new URL("main.ts", import.meta.url).pathname;

function run(...args: string[]): { code: number | null; out: string; err: string } {
  const argv = ["--import", "tsx", main, ...args, "--data", data, "--set", `paths.logs=${join(data, "logs")}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

const listed = z.object({
  meters: z.array(
    z.object({ meter: z.string(), state: z.string(), keyVersion: z.int(), countersignedBy: z.array(z.int()) }),
  ),
});

test("the command enrols, changes meters while nothing runs, and lists them", () => {
  const first = run("--meters", "3", "--feeders", "1", "--json");
  assert.equal(first.code, 0, first.err);
  assert.equal(z.object({ added: z.int() }).parse(JSON.parse(first.out)).added, 3);
  assert.equal(run("add", "--meter", "house-4", "--feeder", "f-1", "--offline").code, 0);
  assert.equal(run("rekey", "--meter", "m-002", "--offline").code, 0);
  const again = run("add", "--meter", "house-4", "--feeder", "f-1", "--offline");
  assert.match(again.out, /nothing to do/);
  const { meters } = listed.parse(JSON.parse(run("list", "--json").out));
  assert.deepEqual(
    meters.map(({ meter, keyVersion }) => [meter, keyVersion]),
    [
      ["house-4", 1],
      ["m-001", 1],
      ["m-002", 2],
      ["m-003", 1],
    ],
  );
  assert.ok(meters.every(({ countersignedBy }) => countersignedBy.length === 3));
});

test("wrong use ends with 2, and what cannot be done with 1 and the reason", () => {
  assert.equal(run("add", "--offline").code, 2);
  assert.equal(run("dance").code, 2);
  const revoked = run("revoke", "--meter", "m-999", "--offline");
  assert.equal(revoked.code, 1);
  assert.match(revoked.err, /m-999 is not enrolled: use add/);
  const unreachable = run("sync", "--wait", "0.2", "--set", "broker.tlsPort=1");
  assert.equal(unreachable.code, 1);
  assert.match(unreachable.err, /no connection to the broker at 127\.0\.0\.1:1/);
  writeFileSync(join(data, "meters.csv"), "meter,feeder\nUtility,f-1\n");
  const named = run("--meters-file", join(data, "meters.csv"));
  assert.equal(named.code, 1);
  assert.match(named.err, /meter "Utility"/);
  chmodSync(join(data, "keys", "authority", "ca.key"), 0o644);
  const open = run("add", "--meter", "m-004", "--feeder", "f-1", "--offline");
  assert.match(open.err, /chmod 600 .*ca\.key/);
});
