// needs: make cc simavr avr-gcc
/** The committed image is what its sources give, and keeps its limits on the simulated chip. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { budgetPage, describeLimit, holds, limitsOf } from "./budget.ts";
import { measureFirmware } from "./measure.ts";
import { differenceFromCommitted, ToolchainError, make, withBuildFolder } from "./toolchain.ts";

test("the image is built again byte by byte, and keeps the limits of flash, RAM, cycles and line", async () => {
  await withBuildFolder(async (folder) => {
    const measurements = await measureFirmware(folder, [2, 3, 5]);
    assert.equal(await differenceFromCommitted(await readFile(join(folder, "wattveil.hex"))), undefined);
    const limits = limitsOf(measurements);
    assert.ok(limits.length >= 10);
    assert.deepEqual(limits.filter((limit) => !holds(limit)).map(describeLimit), []);
    // Measured, not assumed: more aggregators take more, and a reading is mostly cipher.
    const cycles = measurements.devices.map(({ cyclesPerReading }) => cyclesPerReading);
    assert.ok(cycles[0]! > 2 * 40_000 && cycles[1]! > cycles[0]! + 40_000 && cycles[2]! > cycles[1]! + 80_000);
    assert.match(budgetPage(measurements), /\| \*\*image\*\* .* \| \*\*1\d,\d{3}\*\* \|/);
  });
});

test("an image that its sources do not give is told from the committed one by its first line", async () => {
  assert.match((await differenceFromCommitted(Buffer.from(":00000001FF\n"))) ?? "", /differ from line 1 on$/);
});

test("what the compiler says is passed on", async () => {
  await withBuildFolder(async (folder) => {
    await assert.rejects(make(folder, "nonsense.hex"), (error: Error) => {
      assert.ok(error instanceof ToolchainError);
      assert.match(error.message, /^make .* failed:\n.*nonsense/);
      return true;
    });
  });
});
