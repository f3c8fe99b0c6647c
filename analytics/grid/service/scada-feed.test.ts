/** A file of scans while it is replayed: checked before, read anew when it changes, told when it breaks, and mended. */
import assert from "node:assert/strict";
import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { bundledGrid, CSV_HEADER } from "../index.ts";
import type { OperationPlan } from "./plan.ts";
import { checkScans, feedScans } from "./scada-feed.ts";

const row = (time: number, kw: number | string): string => `${time},demand,2,${kw},kW,false\n`;

async function replayed(t: TestContext, text: string) {
  const folder = await mkdtemp(path.join(tmpdir(), "wattveil-feed-"));
  const file = path.join(folder, "scans.csv");
  await writeFile(file, text);
  const settings = { scada: "csv", scadaFile: file, scanSeconds: 0.005 };
  const plan = { grid: bundledGrid("case33bw"), settings } as unknown as OperationPlan;
  const stop = new AbortController();
  t.after(async () => {
    stop.abort();
    await rm(folder, { recursive: true, force: true });
  });
  const events: string[] = [];
  let wake = (): void => {};
  const add = (event: string): void => {
    events.push(event);
    wake();
  };
  const until = async (event: string): Promise<void> => {
    while (!events.includes(event)) await new Promise<void>((resolve) => (wake = resolve));
  };
  const start = (): Promise<void> =>
    feedScans({
      ...{ plan, signal: stop.signal, now: () => 0, refuse: () => {} },
      onScan: ({ time }) => add(`scan ${time}`),
      onBroken: () => add("broken"),
      log: {
        info: (_, message) => add(message),
        warn: (_, message) => add(message),
        error: (_, message) => add(message.replaceAll(file, "FILE")),
      },
    });
  /** As an editor does it: whoever reads has the old content or the new one. */
  const put = async (content: string): Promise<void> => {
    await writeFile(`${file}.new`, content);
    await rename(`${file}.new`, file);
  };
  return { file, plan, events, until, start, stop, put };
}

test("a file is read to its end before it is relied on, and refused by its line", async (t) => {
  const good = Array.from({ length: 3_000 }, (_, i) => row(i, 100)).join("");
  const { plan, put, file } = await replayed(t, CSV_HEADER + good);
  await checkScans(plan);
  await put(CSV_HEADER + good + row(3_000, "much"));
  await assert.rejects(checkScans(plan), {
    name: "UsageError",
    message: `grid.scadaFile: ${file}, line 3002: value: expected a number, got "much"`,
  });
  await rm(file);
  await assert.rejects(checkScans(plan), { message: `grid.scadaFile: ${file} cannot be read (ENOENT)` });
});

test("a file that breaks is told and waited for; mended, it goes on after the last scan", async (t) => {
  const { events, until, start, stop, put, file } = await replayed(t, CSV_HEADER + row(1, 100) + row(2, 100));
  const done = start();
  await until("scan 2");
  await until("all scans of the file were replayed");
  await appendFile(file, row(3, 100) + row(4, "?"));
  await until("broken");
  assert.ok(events.includes('scans are broken: FILE, line 5: value: expected a number, got "?"'), events.join("\n"));
  assert.ok(events.indexOf("scan 2") < events.indexOf("broken") && !events.includes("scan 4"));
  await rm(file);
  await until("scans are broken: FILE cannot be read (ENOENT)");
  await put(CSV_HEADER + row(1, 100) + row(2, 100) + row(3, 100) + row(4, 100) + row(5, 100));
  await until("scan 5");
  const scans = events.filter((event) => event.startsWith("scan "));
  assert.deepEqual([...new Set(scans)].length, scans.length, "no scan is replayed twice");
  assert.ok(scans.includes("scan 4"));
  stop.abort();
  await done;
});
