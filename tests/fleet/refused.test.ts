/** A fleet that is refused in a used folder: told before anything of the run is, and without a trace in the folder. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import { type CommandResult, runFleet, temporaryFolder } from "./testing/command.ts";

/** Every file below `<folder>/data` by its digest; the lock says only who ran last. */
function contentOf(folder: string): Record<string, string> {
  const data = join(folder, "data");
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const digests = files.map(({ parentPath, name }): [string, string] => {
    const path = join(parentPath, name);
    return [path, createHash("sha256").update(readFileSync(path)).digest("hex")];
  });
  return Object.fromEntries(digests.filter(([path]) => !path.includes("lock.db")).sort());
}

/** A folder of 12 meters on two feeders, and a fleet in it that is refused. */
async function refusedIn(folder: string, args: readonly string[]): Promise<CommandResult> {
  const before = contentOf(folder);
  const result = await runFleet(folder, args);
  assert.equal(result.code, 2, result.stderr);
  assert.equal(result.stdout, "");
  assert.doesNotMatch(result.stderr, /enrolling|as fast as slots|\n {4}at /, "nothing of the run is told");
  assert.deepEqual(contentOf(folder), before);
  return result;
}

describe("a refused fleet leaves its folder as it was", { concurrency: 2 }, () => {
  test("with other feeders, other aggregators, another threshold, and other meters", async (t) => {
    const folder = temporaryFolder(t);
    await enrol({ data: join(folder, "data"), meters: meterList(12, 2), simulation: true });
    const feeders = await refusedIn(folder, ["--meters", "15", "--feeders", "3"]);
    assert.match(feeders.stderr, /^this folder has 2 feeders, not 3 \(m-003 is .*\): add --feeders 2, or .*--fresh/);
    const aggregators = await refusedIn(folder, ["--meters", "12", "--aggregators", "5"]);
    assert.match(aggregators.stderr, /was enrolled with aggregators 3, not 5/);
    const threshold = await refusedIn(folder, ["--meters", "12", "--threshold", "3"]);
    assert.match(threshold.stderr, /was enrolled with threshold 2, not 3/);
    const file = join(folder, "readings.csv");
    writeFileSync(file, "meter,slot_start,energy_wh,feeder\nhome-1,1756677600,12,north\nhome-2,1756677600,13,north\n");
    const other = await refusedIn(folder, ["--readings", file]);
    assert.match(
      other.stderr,
      /has 12 other meters \(m-001 to m-012\) and none of those of .*readings\.csv; .* use another --data folder, or --fresh/,
    );
    writeFileSync(file, "meter,slot_start,energy_wh,feeder\nm-001,1756677600,12,f-1\nm-002,1756677600,13,f-1\n");
    const moved = await refusedIn(folder, ["--readings", file]);
    assert.match(moved.stderr, /m-002 is enrolled in f-2 at 2025-08-31T22:00:00.000Z, but the readings have it in f-1/);
  });
});
