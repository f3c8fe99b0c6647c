/**
 * A system of its own, on the real clock, that simulated meters join by `npm run meters`: in a folder where no fleet
 * ever ran, named by relative paths.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import type { ReadyMessage } from "../../config/runtime/role-report.ts";

const ROOT = join(import.meta.dirname, "../..");
const START = join(ROOT, "config/runtime/start.mjs");
const SLOT_SECONDS = 2;

test("meters alone on the real clock are acknowledged, and leave their logs where they were called", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-alone-"));
  const children: ChildProcess[] = [];
  t.after(async () => {
    for (const child of children) {
      if (child.exitCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  });
  const start = (entry: string, ...args: string[]): ChildProcess => {
    const child = fork(START, [entry, "--config", "own.yaml", ...args], { cwd: folder, silent: true });
    children.push(child);
    return child;
  };
  const own = (ports: object): void =>
    writeFileSync(
      join(folder, "own.yaml"),
      stringify({
        system: { slotSeconds: SLOT_SECONDS },
        paths: { data: "data", logs: "logs", results: "results" },
        broker: ports,
        homomorphic: { enabled: false },
      }),
    );
  own({ tlsPort: 0, wssPort: 0, publicPort: 0 });
  await enrol({ data: join(folder, "data"), meters: meterList(3, 1), slotSeconds: SLOT_SECONDS });
  const [ready] = (await once(start("broker/main.ts"), "message")) as [ReadyMessage];
  const { tls } = ready.details["ports"] as { tls: number };
  own({ tlsPort: tls, wssPort: 0, publicPort: 0 });
  await Promise.all(["1", "2", "3"].map((id) => once(start("aggregator/main.ts", "--id", id), "message")));

  const meters = start("firmware-sim/meters-main.ts", "--duration", "7", "--json");
  let [said, failed] = ["", ""];
  meters.stdout?.on("data", (text: Buffer) => (said += text.toString()));
  meters.stderr?.on("data", (text: Buffer) => (failed += text.toString()));
  const [code] = (await once(meters, "close")) as [number];
  assert.equal(code, 0, failed);
  const { gaps, settled, readings } = JSON.parse(said) as Record<"gaps" | "settled" | "readings", number>;
  assert.equal(gaps, 0);
  assert.ok(readings >= 3 * 2 && settled >= readings, said);
  assert.match(readFileSync(join(folder, "logs/system.log"), "utf8"), /"meter":"m-003"/);
});
