import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { LoadGenerator } from "./generator.ts";
import type { ReadingsSource } from "./readings-source.ts";
import { openReplay, type ReplayOptions, readReplay } from "./replay.ts";
import { ReplayError } from "./replay-faults.ts";
import { TruthFile, writeTruth } from "./truth.ts";

const replay = (text: string, options?: ReplayOptions): Promise<ReadingsSource> =>
  readReplay(Readable.from([text]), "readings.csv", options);

async function faultsOf(text: string, options?: ReplayOptions): Promise<string[]> {
  const error = await replay(text, options).then(
    () => assert.fail("the file was accepted"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ReplayError)) throw error;
  return error.faults.map((fault) => `${fault.line}: ${fault.message}`);
}

async function inTempDir(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "wattveil-replay-"));
  try {
    await use(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

test("reads energies, sorts meters and slots, and leaves missing rows as gaps", async () => {
  const source = await replay("meter,slot_start,energy_wh\nm-2,1800,7\nm-1,3600,3\nm-1,900,12\n");
  assert.deepEqual(source.meters, [
    { id: "m-1", feeder: "feeder-1" },
    { id: "m-2", feeder: "feeder-1" },
  ]);
  assert.deepEqual(source.range, { from: 1, to: 5 });
  assert.equal(source.hasExport(0), false);
  assert.deepEqual(source.read(0, 1), { importWh: 12, exportWh: 0 });
  assert.equal(source.read(0, 2), undefined);
  assert.deepEqual(source.read(0, 4), { importWh: 3, exportWh: 0 });
  assert.equal(source.read(0, 5), undefined);
  assert.deepEqual(source.read(1, 2), { importWh: 7, exportWh: 0 });
  assert.throws(() => source.read(2, 1), /meterIndex: expected 0 to 1, got 2/);
});

test("takes columns in any order, a byte order mark, CRLF, quotes and blank lines", async () => {
  const text =
    '\uFEFFexport_wh,energy_wh,feeder,slot_start,meter\r\n5,0,"north",900,"m-1"\r\n\r\n0,4,north,1800,m-1\r\n';
  const source = await replay(text);
  assert.deepEqual(source.read(0, 1), { importWh: 0, exportWh: 5 });
  assert.deepEqual(source.read(0, 2), { importWh: 4, exportWh: 0 });
  assert.equal(source.meters[0]?.feeder, "north");
  assert.equal(source.hasExport(0), true);
});

test("refuses a day that does not exist", async () => {
  await assert.rejects(
    replay("meter,slot_start,energy_wh\nm,2025-02-30T00:00:00Z,1\n"),
    /"2025-02-30T00:00:00Z" is neither/,
  );
});

test("takes ISO 8601 times with an offset", async () => {
  const source = await replay("meter,slot_start,energy_wh\nm,2025-03-30T00:15:00Z,1\nm,2025-03-30T03:30+02:00,2\n");
  const first = Date.parse("2025-03-30T00:15:00Z") / 900_000;
  assert.deepEqual(source.read(0, first), { importWh: 1, exportWh: 0 });
  assert.deepEqual(source.read(0, first + 5), { importWh: 2, exportWh: 0 });
});

test("a meter may move between slots and keeps its feeder in a gap", async () => {
  const source = await replay("meter,slot_start,energy_wh,feeder\nm,2700,1,south\nm,0,1,north\n");
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((slot) => source.feederOf(0, slot)),
    ["north", "north", "north", "south", "south"],
  );
  assert.deepEqual(source.meters, [{ id: "m", feeder: "north" }]);
});

test("names every fault with its line", async () => {
  const lines = [
    "meter,slot_start,energy_wh,feeder,export_wh",
    "m-1,900,1.5,a,0",
    "m-1,900,-3,a,0",
    "m-1,900,,a,0",
    "m-1,900,1,a,x",
    "m-1,901,1,a,0",
    "m-1,soon,1,a,0",
    "m-1,2025-03-30T00:15:00,1,a,0",
    "M 1,900,1,a,0",
    "utility,900,1,a,0",
    "m-1,900,1,Feeder!,0",
    "m-1,900,1,a",
    "m-1,1800,1,a,0",
    "m-1,1800,1,a,0",
    "m-1,2700,1,a,0",
    "m-1,2700,1,b,0",
    "m-1,9000000000000,1,a,0",
    "m-1,3600,9999999999999,a,0",
  ];
  const faults = await faultsOf(lines.join("\n"));
  const expected = [
    /^2: energy_wh "1.5" is not an integer/,
    /^3: energy_wh "-3" is negative/,
    /^4: energy_wh "" is not an integer/,
    /^5: export_wh "x" is not an integer/,
    /^6: slot_start "901" is not a multiple of 900 seconds/,
    /^7: slot_start "soon" is neither Unix seconds nor ISO 8601/,
    /^8: slot_start "2025-03-30T00:15:00" is neither/,
    /^9: meter "M 1": a meter id is/,
    /^10: meter "utility": this id is reserved/,
    /^11: feeder "Feeder!": a feeder id is/,
    /^12: expected 5 fields, got 4/,
    /^14: meter "m-1", slot_start 1800: already on line 13/,
    /^16: meter "m-1", slot_start 2700: in feeder "b", but in "a" on line 15/,
    /^17: slot_start "9000000000000" is outside/,
    /^18: energy_wh "9999999999999" is above/,
  ];
  assert.equal(faults.length, expected.length, faults.join("\n"));
  for (const [i, pattern] of expected.entries()) assert.match(faults[i] ?? "", pattern);
});

test("names the separator of a file that has no commas, and nothing else", async () => {
  for (const [sign, name] of [
    [";", "semicolons"],
    ["\t", "tabs"],
  ] as const) {
    const file = `meter${sign}slot_start${sign}energy_wh\nm-1${sign}900${sign}12\n`;
    const expected = "expected commas: meter,slot_start,energy_wh";
    assert.deepEqual(await faultsOf(file), [`1: the fields are separated by ${name}; ${expected}`]);
  }
});

test("refuses unknown, repeated and missing columns before it looks at the rows", async () => {
  assert.deepEqual(await faultsOf("meter,slot_start,energy_kwh,meter\nm,0,1,m\n"), [
    '1: unknown column "energy_kwh"; known are meter, slot_start, energy_wh, feeder, export_wh',
    '1: column "meter" twice',
    '1: column "energy_wh" is missing',
  ]);
});

test("refuses an empty file and one without rows", async () => {
  assert.deepEqual(await faultsOf(""), ["1: no header; expected meter,slot_start,energy_wh"]);
  assert.deepEqual(await faultsOf("meter,slot_start,energy_wh\n"), ["1: no readings"]);
});

test("refuses what is not CSV, with its line", async () => {
  const faults = await faultsOf('meter,slot_start,energy_wh\nm,0,1.5\nm,900,"2\n');
  assert.match(faults[0] ?? "", /^2: energy_wh "1.5" is not an integer/);
  assert.match(faults[1] ?? "", /^[34]: not CSV: /);
});

test("reports the first twenty faults by line and counts the rest", async () => {
  const rows = Array.from({ length: 3000 }, (_, i) => `m,${i * 900},-1`);
  const error = await replay(`meter,slot_start,energy_wh\n${rows.join("\n")}`).catch((reason: unknown) => reason);
  assert.ok(error instanceof ReplayError);
  assert.equal(error.count, 3000);
  assert.deepEqual(
    error.faults.map((fault) => fault.line),
    Array.from({ length: 20 }, (_, i) => i + 2),
  );
  assert.match(error.message, /^readings.csv: 3000 faults\n {2}line 2: .*\n[^]* and 2980 more$/);
});

test("slot length is an option, and must divide a day", async () => {
  assert.deepEqual((await replay("meter,slot_start,energy_wh\nm,60,1\n", { slotSeconds: 60 })).range, {
    from: 1,
    to: 2,
  });
  await assert.rejects(replay("meter,slot_start,energy_wh\n", { slotSeconds: 61 }), RangeError);
});

test("a file that cannot be read is an error of the file system", async () => {
  await inTempDir(async (dir) => {
    await assert.rejects(openReplay(join(dir, "absent.csv")), { code: "ENOENT" });
  });
});

test("what was fed reads back as it was, in whatever order the lines come", async () => {
  await inTempDir(async (dir) => {
    const meters = Array.from({ length: 12 }, (_, i) => ({ id: `m-${10 + i}`, feeder: `f-${i % 2}` }));
    const range = { from: 1_940_000, to: 1_940_000 + 192 };
    const source = new LoadGenerator({ seed: "truth", meters, range, model: { pvShare: 0.5 } });
    const path = join(dir, "truth.csv");
    await writeTruth(path, source);
    const [header, ...lines] = (await readFile(path, "utf8")).trimEnd().split("\n");
    assert.equal(header, "meter,slot_start,energy_wh,feeder,export_wh");
    assert.equal(lines.length, 12 * 192);
    await writeFile(path, [header, ...lines.reverse()].join("\n"));
    const again = await openReplay(path);
    assert.deepEqual(again.meters, meters);
    assert.deepEqual(again.range, range);
    fc.assert(
      fc.property(fc.nat(11), fc.integer({ min: range.from, max: range.to - 1 }), (meter, slot) => {
        assert.deepEqual(again.read(meter, slot), source.read(meter, slot));
      }),
    );
  });
});

test("a truth file that cannot be written fails when it is closed", async () => {
  await inTempDir(async (dir) => {
    const file = new TruthFile(join(dir, "no-such-folder", "truth.csv"));
    await assert.rejects(
      async () => {
        await file.write({ meter: "m", slotStart: 0, importWh: 1, exportWh: 0, feeder: "f" });
        await file.close();
      },
      { code: "ENOENT" },
    );
  });
});
