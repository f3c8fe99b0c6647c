/**
 * One aggregator's intake with many meters, in a process of its own so that its memory is its own: each meter sends as
 * many readings as the plan says. Prints one line of JSON.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { openDatabase } from "../../config/runtime/database.ts";
import { createShareSealer } from "../../protocol/envelope/share.ts";
import { addSender, openIntake } from "../aggregator-intake.ts";

const plan = z.strictObject({ meters: z.int().min(1), readings: z.int().min(1) });

export interface IntakeFigures {
  readonly meters: number;
  readonly readings: number;
  readonly cpuMicrosecondsPerReading: number;
  /** Before the meters were known, and after they have all sent. */
  readonly emptyBytes: number;
  readonly residentBytes: number;
}

const FIRST_SLOT = 1_900_000;
const COMMIT_MESSAGES = 300;
/** Messages that wait at one time: a real intake holds few. */
const CHUNK = 10_000;
const ENTRY_BYTES = 16;

function resident(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage.rss();
}

function measure({ meters, readings }: z.output<typeof plan>): IntakeFigures {
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-scale-"));
  const db = openDatabase(path.join(folder, "aggregator.db"), { synchronous: "FULL" });
  try {
    const until = FIRST_SLOT + readings;
    const { intake, table } = openIntake(db, { until, commitMessages: COMMIT_MESSAGES, onAck: () => {} });
    const emptyBytes = resident();
    const names = Array.from({ length: meters }, (_, index) => `m-${String(index + 1).padStart(8, "0")}`);
    const entries = new Uint8Array(ENTRY_BYTES).fill(7);
    let cpu = 0;
    // The meters' own keys and sealers are made anew for each chunk: they are not the aggregator's memory.
    const add = db.transaction((some: readonly string[]) => {
      for (const name of some) addSender(intake, table, name, keyOf(name));
    });
    for (let from = 0; from < meters; from += CHUNK) add(names.slice(from, from + CHUNK));
    for (let from = 0; from < meters; from += CHUNK) {
      const some = names.slice(from, from + CHUNK).map((meter) => ({ meter, sealer: sealerOf(meter) }));
      for (let counter = 0; counter < readings; counter++) {
        const sealed = some.map(({ meter, sealer }) => ({
          meter,
          payload: sealer.seal(1, FIRST_SLOT + counter, { boot: 1, counter }, entries),
        }));
        const before = process.cpuUsage();
        for (const { meter, payload } of sealed) intake.handleShare(meter, payload);
        const used = process.cpuUsage(before);
        cpu += used.user + used.system;
      }
    }
    intake.close();
    return {
      ...{ meters, readings: meters * readings, emptyBytes, residentBytes: resident() },
      cpuMicrosecondsPerReading: cpu / (meters * readings),
    };
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function keyOf(meter: string): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(meter).digest());
}

function sealerOf(meter: string) {
  return createShareSealer(keyOf(meter), meter, 1);
}

process.stdout.write(`${JSON.stringify(measure(plan.parse(JSON.parse(process.argv[2] ?? ""))))}\n`);
