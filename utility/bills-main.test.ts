/** `npm run bills` as a command: prints, corrects and verifies what real rounds left in a database. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { enrol } from "../config/enrolment/index.ts";
import { openParty } from "../config/keys/index.ts";
import type { ListedBill } from "./bills/list.ts";
import { openUtilityDatabase } from "./store/open.ts";
import { putMeta } from "./store/rounds-store.ts";
import { DAY, Harness, SLOT_SECONDS, TARIFF, valueOf } from "./testing/harness.ts";

const run = promisify(execFile);
const HEAD = "meter,slot_start,energy_wh";

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A database of two days, in which two meters were late with `late` slots of the first, and the readings as a file. */
async function billed(t: TestContext, late: number) {
  const home = await mkdtemp(path.join(tmpdir(), "bills-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const data = path.join(home, "data");
  await enrol({ data, meters: [] });
  const { signKey } = openParty(path.join(data, "keys", "utility"));
  const harness = await Harness.make(t, { loadEverySlots: 96, signKey: signKey! });
  const isLate = (meter: string, slot: number): boolean =>
    meter < "m-003" && slot >= DAY + 34 && slot < DAY + 34 + late;
  const isMissing = (meter: string, slot: number): boolean => meter === "m-004" && slot === DAY + 5;
  harness.fillDay(DAY, (meter, slot) => isLate(meter, slot) || isMissing(meter, slot));
  harness.setSlot(DAY + 98);
  await harness.run(3);
  harness.fillDay(DAY, isMissing);
  harness.fillDay(DAY + 96);
  harness.setSlot(DAY + 96 + 98);
  await harness.run(3);
  await mkdir(path.join(data, "utility"), { recursive: true });
  // The process reads the file while this one still has it open, as beside a running utility.
  for (const end of ["", "-wal"]) {
    await copyFile(path.join(harness.folder, `utility.db${end}`), path.join(data, "utility", `utility.db${end}`));
  }
  const lines = harness.meters.flatMap((meter, m) =>
    Array.from({ length: 192 }, (_, i) => DAY + i)
      .filter((slot) => !isMissing(meter, slot))
      .map((slot) => `${meter},${slot * SLOT_SECONDS},${valueOf(m, slot)}`),
  );
  const readings = path.join(harness.folder, "readings.csv");
  await writeFile(readings, ["meter,slot_start,energy_wh", ...lines, ""].join("\n"));
  const bills = async (...args: string[]): Promise<Result> => {
    const own = ["--data", data, "--set", `paths.logs=${data}/logs`];
    try {
      return {
        code: 0,
        ...(await run(process.execPath, ["config/runtime/start.mjs", "utility/bills-main.ts", ...own, ...args])),
      };
    } catch (error) {
      return error as Result;
    }
  };
  return { bills, readings, lines, folder: harness.folder, file: path.join(data, "utility", "utility.db") };
}

test("before the first bill it is said of what, and when", async (t) => {
  const home = await mkdtemp(path.join(tmpdir(), "bills-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  await mkdir(path.join(home, "utility"));
  const db = await openUtilityDatabase(path.join(home, "utility", "utility.db"));
  const said = async (...args: string[]): Promise<string> => {
    const own = ["--data", home, "--set", `paths.logs=${home}/logs`, "--set", "system.timezone=Europe/Berlin", ...args];
    return (await run(process.execPath, ["config/runtime/start.mjs", "utility/bills-main.ts", ...own])).stdout;
  };
  assert.equal(await said(), "There is no bill yet. Bills are issued after the end of their period.\n");
  await putMeta(db, "origin_slot", String(Date.UTC(2026, 10, 22, 12) / 1_000 / 900));
  await db.destroy();
  const [grace, day] = [
    ["--set", "billing.graceSlots=8"],
    ["--set", "billing.period=day"],
  ];
  const later = "are issued when late readings have been waited for, after";
  assert.equal(
    await said(...grace),
    `There is no bill yet. The first are of 2026-11-01..2026-12-01, and ${later} 2026-12-01 02:00 +01:00.\n`,
  );
  assert.equal(
    await said(...grace, ...day),
    `There is no bill yet. The first are of 2026-11-22..2026-11-23, and ${later} 2026-11-23 02:00 +01:00.\n`,
  );
});

test("bills print as CSV and JSON, a correction supersedes, and readings confirm both versions", async (t) => {
  const { bills, readings, folder } = await billed(t, 8);
  const csv = await bills("--csv", "--meter", "m-001");
  assert.equal(csv.code, 0, csv.stderr);
  assert.equal(csv.stdout.split("\n").filter((line) => line.includes(",total,")).length, 2);
  const before = JSON.parse((await bills("--json")).stdout) as ListedBill[];
  assert.equal(before.length, 12);
  const checked = await bills("verify", "--readings", readings);
  assert.equal(checked.stdout, "12 bills checked: all follow from readings and tariff\n");
  assert.equal(checked.code, 0);

  const tariff = path.join(folder, "new.yaml");
  await writeFile(tariff, TARIFF.replace("400000", "300000"));
  const corrected = await bills("correct", "--period", "2025-01-15", "--tariff", tariff, "--json");
  assert.equal((JSON.parse(corrected.stdout) as unknown[]).length, 6);
  const all = JSON.parse((await bills("--json", "--all-versions", "--meter", "m-002")).stdout) as ListedBill[];
  assert.deepEqual(
    all.map(({ periodStart, version, status }) => [periodStart, version, status]),
    [
      ["2025-01-15", 1, "superseded"],
      ["2025-01-15", 2, "final"],
      ["2025-01-16", 1, "final"],
    ],
  );
  assert.equal(all[0]?.energyWh, all[1]?.energyWh, "the totals are those of the first version");
  assert.equal((await bills("verify", "--readings", readings)).code, 0);
  const other = await bills("verify", "--readings", readings, "--tariff", tariff, "--period", "2025-01-16");
  assert.equal(other.code, 1, "the second day has not been corrected");
  assert.match(other.stdout, /m-001, period from 2025-01-16, tariff: the bill names /);
});

test("late energy in rows of its own is verified too; a changed reading is found and named", async (t) => {
  const { bills, readings, lines, folder } = await billed(t, 24);
  const checked = await bills("verify", "--readings", readings);
  assert.equal(checked.stdout, "12 bills checked: all follow from readings and tariff\n");
  const changed = path.join(folder, "changed.csv");
  await writeFile(changed, ["meter,slot_start,energy_wh", ...lines.slice(1), ""].join("\n"));
  const found = await bills("verify", "--readings", changed, "--json");
  assert.equal(found.code, 1);
  const { findings } = JSON.parse(found.stdout) as { findings: Record<string, unknown>[] };
  const energy = findings.filter(({ what, row }) => what === "energyWh" && row !== "total");
  assert.deepEqual(
    energy.map(({ meter, periodStart, row }) => [meter, periodStart, row]),
    [["m-001", "2025-01-15", "off-peak"]],
  );
});

test("a file that is about none of the bills confirms nothing: told in one line, not row by row, with exit code 2", async (t) => {
  const { bills, lines, folder } = await billed(t, 0);
  const others = path.join(folder, "others.csv");
  await writeFile(others, [HEAD, ...lines.map((line) => line.replace("m-00", "house-")), ""].join("\n"));
  const wrong = await bills("verify", "--readings", others);
  assert.equal(
    wrong.stdout,
    "no rows for m-001, m-002, m-003 and 3 more in the periods from 2025-01-15, 2025-01-16\n" +
      "0 bills checked; 12 bills could not be checked: no rows\n",
  );
  assert.match(wrong.stderr, /others\.csv has no row about any of these bills: is it the right file\?/);
  assert.equal(wrong.code, 2);
});

test("bills without any row are unchecked and count against nothing; those with rows still have to follow", async (t) => {
  const { bills, lines, folder } = await billed(t, 0);
  const day = lines.filter((line) => Number(line.split(",")[1]) < (DAY + 96) * SLOT_SECONDS);
  const first = path.join(folder, "first-day.csv");
  await writeFile(first, [HEAD, ...day, ""].join("\n"));
  const partly = await bills("verify", "--readings", first);
  assert.equal(partly.code, 0, partly.stdout);
  assert.match(
    partly.stdout,
    /^no rows for .* from 2025-01-16\n6 bills checked: all follow .*; 6 bills could not be checked: no rows\n$/,
  );
  const one = await bills("verify", "--readings", first, "--meter", "m-001", "--period", "2025-01-15");
  assert.equal(one.stdout, "1 bill checked: it follows from readings and tariff\n");
  const changed = path.join(folder, "changed-day.csv");
  await writeFile(changed, [HEAD, ...day.slice(1), ""].join("\n"));
  const wrong = await bills("verify", "--readings", changed, "--json");
  assert.equal(wrong.code, 1);
  const { checked, unchecked, findings } = JSON.parse(wrong.stdout) as Record<string, unknown[]>;
  assert.equal(checked, 6);
  assert.deepEqual(unchecked?.[0], { meter: "m-001", periodStart: "2025-01-16" });
  assert.deepEqual(new Set(findings?.map((finding) => (finding as { meter: string }).meter)), new Set(["m-001"]));
});

test("printing bills writes no log", async (t) => {
  const { bills, folder } = await billed(t, 0);
  const logs = path.join(folder, "no-logs");
  const printed = await bills("--csv", "--set", `paths.logs=${logs}`);
  assert.equal(printed.code, 0, printed.stderr);
  assert.equal(existsSync(logs), false);
});

test("bad arguments are explained with exit code 2", async (t) => {
  const { bills, readings, folder } = await billed(t, 0);
  const broken = path.join(folder, "broken.csv");
  await writeFile(broken, "meter,slot_start,energy_wh\nm-001,1736895601,5\n");
  const semicolons = path.join(folder, "semicolons.csv");
  await writeFile(semicolons, "meter;slot_start;energy_wh\nm-001;1736895600;5\n");
  const binary = path.join(folder, "binary.csv");
  await writeFile(binary, "\u001b]0;x\u0007\u009b2J,slot_start,energy_wh\n");
  const cases: [string[], RegExp][] = [
    [["verify", "--readings", binary], /column \\u001b\]0;x\\u0007\\u009b2J is unknown/],
    [["--meter", "m-999"], /--meter m-999: there is no bill of this meter; there are bills of m-001 to m-006/],
    [["--period", "2030-01-01"], /no bill of this period; there are bills of 2025-01-15\.\.2025-01-16/],
    [
      ["verify", "--readings", "LICENSE"],
      /^verify: LICENSE, line 1: column MIT License is unknown or there twice; known are meter, /,
    ],
    [["verify", "--readings", folder], /is a folder, not a file of readings/],
    [["verify", "--readings", semicolons], /semicolons\.csv, line 1: .*separated by semicolons; expected commas/],
    [["pay"], /pay: expected nothing, correct or verify/],
    [["correct"], /correct: expected --tariff FILE and --period/],
    [["correct", "--tariff", "none.yaml", "--period", "2025-01-15"], /none\.yaml/],
    [["correct", "--tariff", "config/tariffs/flat.yaml", "--period", "2030-01-01"], /no final bill to correct/],
    [["--period", "January"], /--period: expected YYYY-MM-DD/],
    [["--period", "2025-13-45"], /^--period: 2025-13-45 is not a date of the calendar\n$/],
    [["--period", "2025-02-01..2025-02-30"], /^--period: 2025-02-30 is not a date/],
    [["--tariff", "x.yaml"], /--tariff: not for printing bills/],
    [["--csv", "--json"], /choose one/],
    [["verify"], /expected --readings FILE\.csv/],
    [["verify", "--readings", "none.csv"], /^verify: none\.csv: there is no such file\n$/],
    [["verify", "--readings", broken], /broken\.csv, line 2: slot_start: expected/],
    [["verify", "--readings", readings, "--meter", "m-999"], /verify: --meter m-999: there is no bill of this meter/],
    [["verify", "--readings", readings, "--csv"], /--csv: not for verify/],
    [["verify", "--readings", readings, "--bills", folder], /--bills needs --tariff FILE/],
    [["--data", path.join(folder, "nowhere")], /utility\.db does not exist/],
  ];
  const results = await Promise.all(cases.map(([args]) => bills(...args)));
  for (const [i, [args, text]] of cases.entries()) {
    assert.match(results[i]?.stderr ?? "", text, args.join(" "));
    assert.equal(results[i]?.code, 2, args.join(" "));
  }
});

test("bills are corrected while another process writes all the time", async (t) => {
  const { bills, file, folder } = await billed(t, 0);
  const tariff = path.join(folder, "new.yaml");
  await writeFile(tariff, TARIFF.replace("400000", "300000"));
  const script = `const db = new (require("better-sqlite3"))(process.argv[1]);
    const write = db.prepare("INSERT INTO meta (key, value) VALUES ('beside', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1");
    setInterval(() => write.run(), 3);
    console.log("writing");`;
  const writer = spawn(process.execPath, ["-e", script, file], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => writer.kill());
  await once(writer.stdout, "data");
  const corrected = await bills("correct", "--period", "2025-01-15", "--tariff", tariff, "--json");
  assert.equal(corrected.code, 0, corrected.stderr);
  assert.equal((JSON.parse(corrected.stdout) as unknown[]).length, 6);
});
