/**
 * `npm run learn` interrupted by Ctrl-C and then killed with -9, each in the middle of a round: the same command goes on, and
 * what the homes have paid at the end is what the campaign costs. Real commands, a network that homes train in a thread.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import Database from "better-sqlite3";
import { campaignOf, type CampaignInput } from "../../analytics/federated/options.ts";
import { epsilonSpent, planRounds } from "../../analytics/federated/round-plan.ts";
import { privacyStatement } from "../../hardware/agent/learning/spent.ts";
import { pressCtrlC, processesOf, startCommand, temporaryFolder } from "../fleet/testing/command.ts";

const HOMES = 6;
const ROUNDS = 4;
const ARGS = [
  "--homes",
  String(HOMES),
  "--rounds",
  String(ROUNDS),
  "--model",
  "dense",
  "--epsilon",
  "8",
  "--release",
  "none",
];
const SET = ["system.slotSeconds=3600", "broker.tlsPort=0", "broker.wssPort=0", "broker.publicPort=0"];

interface Report {
  readonly parameters: number;
  readonly epsilon: number;
  readonly unopened: number;
  readonly options: CampaignInput;
  readonly history: readonly { readonly step: number; readonly round: string; readonly epsilon: number }[];
}

test("interrupted, then killed: the campaign ends with the epsilon of one that was left alone", async (t) => {
  const folder = temporaryFolder(t);
  const meters = join(folder, "data", "homes", "meters.db");
  const read = <T>(use: (db: Database.Database) => T): T => {
    const db = new Database(meters, { readonly: true });
    try {
      return use(db);
    } finally {
      db.close();
    }
  };
  const charged = (): number =>
    existsSync(meters)
      ? read((db) => {
          const there = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'privacy_charges'").get() !== undefined;
          const count = "SELECT count(DISTINCT round) FROM privacy_charges";
          return there ? db.prepare<[], number>(count).pluck().get()! : 0;
        })
      : 0;
  const start = (...more: string[]) =>
    startCommand("learn", folder, [...SET.flatMap((one) => ["--set", one]), ...ARGS, ...more]);
  /** Ends in the round that is the `count`-th to be charged. */
  const runUntil = async (count: number, end: (run: ReturnType<typeof start>) => void): Promise<string> => {
    const run = start();
    while (charged() < count) {
      assert.equal(run.child.exitCode, null, "it ended before that");
      await delay(20);
    }
    end(run);
    const { stdout, stderr } = await run.result;
    while (processesOf(folder).length > 0) await delay(50);
    assert.equal(stdout, "", "no table as if it had finished");
    return stderr;
  };

  assert.match(await runUntil(2, pressCtrlC), /interrupted; the same command goes on from there/);
  const before = charged();
  assert.ok(before < ROUNDS);
  await runUntil(before + 1, ({ child }) => process.kill(-child.pid!, "SIGKILL"));
  assert.ok(charged() < ROUNDS);

  const { code, stdout, stderr } = await start("--json").result;
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout) as Report;
  assert.deepEqual(
    report.history.map(({ step }) => step),
    [0, 1, 2, 3],
  );
  assert.equal(report.unopened, 0, "a round was lost");
  const encoding = planRounds(campaignOf(report.options), report.parameters);
  const cost = epsilonSpent(encoding, ROUNDS, 1e-5)!;
  assert.equal(report.epsilon, cost);
  assert.ok(cost > 7.9 && cost <= 8);
  const rounds = report.history.map(({ round }) => round);
  for (let home = 1; home <= HOMES; home += 1) {
    const id = read((db) =>
      db.prepare<[number], string>("SELECT meter FROM meters WHERE number = ?").pluck().get(home),
    )!;
    const spent = read((db) => privacyStatement(db, id, { epsilon: 8, delta: 1e-5 }));
    assert.deepEqual(
      spent.rounds.map(({ round }) => round),
      rounds,
      `${id} has paid for other rounds`,
    );
    assert.ok(Math.abs(spent.epsilon - cost) < 1e-9);
  }
});
