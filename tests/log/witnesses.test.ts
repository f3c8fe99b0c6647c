/** A log and its witnesses over real HTTP: k of n, forks, rollbacks, restarts; and a customer with nothing but files. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { bundleVerifier } from "../../billing/bundle.ts";
import { NO_READINGS } from "../../billing/readings-file.ts";
import { checkReceipt } from "../../billing/receipt.ts";
import {
  formatKey,
  formatPolicy,
  formatWitnessRequest,
  type LogPolicy,
  openCheckpoint,
} from "../../protocol/log/index.ts";
import { Checkpoints } from "../../utility/ledger/checkpoints.ts";
import { Ledger, readHead } from "../../utility/ledger/ledger.ts";
import { Receipts } from "../../utility/ledger/receipts.ts";
import { logBed, someEntries, TIME } from "../../utility/ledger/testing/log-bed.ts";
import { WitnessCourier } from "../../utility/ledger/witness-courier.ts";
import { DAY, Harness, SLOT_SECONDS, valueOf } from "../../utility/testing/harness.ts";
import { witnessKey } from "../../witness/key.ts";
import { listen } from "../../witness/server.ts";
import { WitnessStore } from "../../witness/store.ts";
import { Witness } from "../../witness/witness.ts";

const QUIET = { info: () => {}, warn: () => {}, error: () => {} };

/** A witness of its own in a folder of its own; it can be stopped and started again. */
async function witnessOf(t: TestContext, name: string, log: Ledger["key"]) {
  const folder = await mkdtemp(path.join(tmpdir(), "witness-"));
  const { signer, key } = witnessKey(folder, name);
  let store: WitnessStore | undefined;
  let server: Awaited<ReturnType<typeof listen>> | undefined;
  const one = {
    key,
    url: "",
    evidence: () => store?.evidence() ?? [],
    start: async (port = 0): Promise<void> => {
      store = new WitnessStore(path.join(folder, "witness.db"));
      const witness = new Witness({ signer, logs: [log], store, now: () => TIME + 60 });
      server = await listen({ witness, host: "127.0.0.1", port, log: QUIET });
      one.url = `http://127.0.0.1:${server.port}`;
    },
    stop: async (): Promise<void> => {
      await server?.close();
      store?.close();
      server = store = undefined;
    },
  };
  await one.start();
  t.after(async () => {
    await one.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return one;
}

type Running = Awaited<ReturnType<typeof witnessOf>>;

function courierOf(db: Awaited<ReturnType<typeof logBed>>["db"], policy: LogPolicy, witnesses: readonly Running[]) {
  const alarms: string[] = [];
  const checkpoints = new Checkpoints(db, policy);
  const courier = new WitnessCourier({
    ...{ db, checkpoints, timeoutSeconds: 5, alarm: (code, message) => alarms.push(`${code}: ${message}`) },
    witnesses: witnesses.map(({ key, url }) => ({ key: formatKey(key), url })),
  });
  return { alarms, checkpoints, courier };
}

async function threeWitnesses(t: TestContext) {
  const bed = await logBed(t);
  const witnesses = await Promise.all([1, 2, 3].map((i) => witnessOf(t, `witness.example/${i}`, bed.ledger.key)));
  const policy: LogPolicy = { log: bed.ledger.key, witnesses: witnesses.map(({ key }) => key), quorum: 2 };
  return { bed, witnesses, policy, ...courierOf(bed.db, policy, witnesses) };
}

test("two of three witnesses make a checkpoint believed; with one alone it waits", async (t) => {
  const { bed, witnesses, policy, alarms, checkpoints, courier } = await threeWitnesses(t);
  await bed.append(someEntries(300));
  await witnesses[0]!.stop();
  await courier.show();
  const best = await checkpoints.believed();
  assert.equal(best?.size, 300);
  assert.deepEqual(best.opened.cosigned.map(({ name }) => name).sort(), ["witness.example/2", "witness.example/3"]);
  assert.equal(openCheckpoint(best.checkpoint, policy).cosigned[0]?.time, TIME + 60);
  assert.match(alarms.join("\n"), /^witness-silent: witness\.example\/1 at .* cannot be asked: /);
  // One is not enough for what comes next.
  await witnesses[1]!.stop();
  await bed.append(someEntries(10, 300));
  await courier.show();
  assert.equal((await checkpoints.believed())?.size, 300);
  // The two come back, on whatever port: they know what they cosigned.
  await bed.append(someEntries(500, 310));
  await Promise.all([witnesses[0]!.start(), witnesses[1]!.start()]);
  const again = courierOf(bed.db, policy, witnesses);
  await again.courier.show();
  assert.deepEqual(again.alarms, []);
  const all = await again.checkpoints.believed();
  assert.deepEqual([all?.size, all?.opened.cosigned.length], [810, 3]);
});

test("no witness cosigns a fork or a rollback, and each of them is told and kept as evidence", async (t) => {
  const { bed, witnesses, policy, courier } = await threeWitnesses(t);
  await bed.append(someEntries(40));
  await courier.show();
  // The same key signs another history, longer than the first.
  const fork = await logBed(t);
  const twin = new Ledger({ signer: bed.signer });
  await fork.db.transaction().execute((transaction) => twin.append(transaction, TIME, someEntries(60)));
  const forked = courierOf(fork.db, policy, witnesses);
  await forked.courier.show();
  assert.equal(await forked.checkpoints.believed(), undefined);
  assert.equal(forked.alarms.length, 3);
  for (const alarm of forked.alarms) assert.match(alarm, /^witness-fork: witness\.example\/\d has seen other entries/);
  assert.equal(witnesses[0]!.evidence().length, 1);
  // Another history of the same size.
  const equal = await logBed(t);
  await equal.db.transaction().execute((transaction) => twin.append(transaction, TIME, someEntries(40)));
  const same = courierOf(equal.db, policy, witnesses);
  await same.courier.show();
  assert.match(same.alarms.join("\n"), /witness-fork/);
  assert.equal(witnesses[0]!.evidence().length, 2);
  // The same history, shorter: a backup that was put back.
  const old = await logBed(t);
  await old.db.transaction().execute((transaction) => twin.append(transaction, TIME, someEntries(20)));
  const rolled = courierOf(old.db, policy, witnesses);
  await rolled.courier.show();
  assert.match(rolled.alarms.join("\n"), /witness-rollback: witness\.example\/1 has seen 40 entries, there are 20/);
  // Nothing of this has moved the witnesses.
  await bed.append(someEntries(10, 40));
  const after = courierOf(bed.db, policy, witnesses);
  await after.courier.show();
  assert.deepEqual(after.alarms, []);
  assert.equal((await after.checkpoints.believed())?.size, 50);
});

test("a witness answers with the statuses of the specification", async (t) => {
  const { bed, witnesses } = await threeWitnesses(t);
  const [{ url }] = witnesses as [Running];
  await bed.append(someEntries(5));
  const five = (await readHead(bed.db)).checkpoint!;
  await bed.append(someEntries(4, 5));
  const nine = (await readHead(bed.db)).checkpoint!;
  const proof = await bed.tree.consistency(5, 9);
  const post = async (body: string, to = "/add-checkpoint", method = "POST") => {
    const answer = await fetch(url + to, { method, ...(method === "POST" ? { body } : {}) });
    return [answer.status, await answer.text(), answer.headers.get("content-type")] as const;
  };
  const ask = (oldSize: number, checkpoint: string, hashes = proof.slice(0, 0)) =>
    post(formatWitnessRequest({ oldSize, proof: hashes, checkpoint }));
  const other = await logBed(t);
  await other.append(someEntries(5));
  const stranger = (await readHead(other.db)).checkpoint!;

  assert.equal((await ask(0, five))[0], 200);
  assert.match((await ask(5, five))[1], /^— witness\.example\/1 \S+\n$/);
  assert.deepEqual(await ask(0, nine), [409, "5\n", "text/x.tlog.size"]);
  assert.equal((await ask(5, nine))[0], 422);
  assert.equal((await ask(5, nine, proof.slice(1)))[0], 422);
  assert.equal((await ask(10, nine))[0], 400);
  assert.equal((await ask(5, stranger))[0], 403);
  assert.equal((await ask(5, nine.replaceAll("log.example/test", "log.example/no")))[0], 404);
  assert.equal((await ask(5, nine.replace("\n9\n", "\n8\n")))[0], 403);
  assert.equal((await post("old five\n\n"))[0], 400);
  assert.equal((await post("", "/add-checkpoint", "GET"))[0], 405);
  assert.equal((await post("", "/checkpoint"))[0], 404);
  assert.equal((await post("x".repeat(70_000)))[0], 413);
  assert.equal((await ask(5, nine, proof))[0], 200);
});

test("the command says where it listens when it is ready", async (t) => {
  const { ledger } = await logBed(t);
  const data = await mkdtemp(path.join(tmpdir(), "witness-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const settings = [
    `witness.logs=${JSON.stringify([formatKey(ledger.key)])}`,
    `paths.logs=${data}/logs`,
    "witness.port=0",
  ];
  const sets = settings.flatMap((setting) => ["--set", setting]);
  const child = spawn(process.execPath, ["config/runtime/start.mjs", "witness/main.ts", "--data", data, ...sets]);
  const [said] = (await once(child.stderr, "data")) as [Buffer];
  child.kill();
  const url = /^witness\.example\/1 listens on (http:\/\/127\.0\.0\.1:[1-9]\d*)\n$/.exec(said.toString())?.[1];
  assert.ok(url !== undefined, said.toString());
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0);
});

const run = promisify(execFile);

async function execute(folder: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(process.execPath, args, { cwd: folder, env: {} })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test("a customer checks a bill in a folder with nothing but receipt, key and verifier", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  harness.fillDay();
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const { db, ledger } = harness.utility;
  const witnesses = await Promise.all([1, 2].map((i) => witnessOf(t, `witness.example/${i}`, ledger.key)));
  const policy: LogPolicy = { log: ledger.key, witnesses: witnesses.map(({ key }) => key), quorum: 2 };
  const { checkpoints, courier, alarms } = courierOf(db, policy, witnesses);
  const receipts = new Receipts(db, checkpoints);
  const bill = await db.selectFrom("bills").selectAll().where("meter_id", "=", "m-002").executeTakeFirstOrThrow();
  assert.equal(await receipts.of(bill), "waiting");
  await courier.show();
  assert.deepEqual(alarms, []);
  const made = await receipts.of(bill);
  assert.ok(typeof made !== "string");

  const folder = await mkdtemp(path.join(tmpdir(), "customer-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const rows = Array.from({ length: 96 }, (_, i) => `m-002,${(DAY + i) * SLOT_SECONDS},${valueOf(1, DAY + i)}`);
  const csv = (lines: readonly string[]): string => ["meter,slot_start,energy_wh", ...lines, ""].join("\n");
  await bundleVerifier(path.join(folder, "verifier.mjs"));
  await writeFile(path.join(folder, "bill.receipt"), made.text);
  await writeFile(path.join(folder, "log.key"), formatPolicy(policy));
  await writeFile(path.join(folder, "my.csv"), csv(rows));
  assert.deepEqual(await readdir(folder), ["bill.receipt", "log.key", "my.csv", "verifier.mjs"]);
  const verify = (...args: string[]) => execute(folder, "verifier.mjs", "verify", "bill.receipt", ...args);

  const good = await verify("--readings", "my.csv");
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /m-002, 2025-01-15 to 2025-01-16, version 1: \d+\.\d{6} EUR/);
  assert.match(good.stdout, /seen by witness\.example\/1 .*, witness\.example\/2 /);
  assert.match(good.stdout, /It follows from the readings and the tariff\./);
  assert.match((await verify()).stdout, /It was not compared with readings\./);

  await writeFile(path.join(folder, "other.csv"), csv(rows.with(40, `m-002,${(DAY + 40) * SLOT_SECONDS},1`)));
  const wrong = await verify("--readings", "other.csv");
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout, /It does NOT follow from the readings and the tariff:\n {2}peak: the bill says/);
  await writeFile(path.join(folder, "none.csv"), csv(["m-003,0,1"]));
  assert.equal((await verify("--readings", "none.csv")).code, 2);

  // A customer who believes other witnesses, or another log, is not convinced.
  const stranger = await witnessOf(t, "witness.example/3", ledger.key);
  await writeFile(
    path.join(folder, "strict.key"),
    formatPolicy({ ...policy, witnesses: [...policy.witnesses, stranger.key], quorum: 3 }),
  );
  const strict = await verify("--key", "strict.key");
  assert.equal(strict.code, 1);
  assert.match(strict.stdout, /This receipt proves nothing: 2 of the 3 witnesses/);
  const other = await logBed(t);
  await writeFile(path.join(folder, "other.key"), formatKey(other.ledger.key));
  assert.match((await verify("--key", "other.key")).stdout, /proves nothing: this checkpoint is of the log/);
  assert.equal((await verify("--key", "missing.key")).code, 2);
  assert.equal(checkReceipt(made.text, { policy, readings: NO_READINGS }).readings, "none");
  await writeFile(path.join(folder, "bill.receipt"), made.text.replace(/\\"amountMicro\\":\d+/, '\\"amountMicro\\":1'));
  const changed = await verify();
  assert.equal(changed.code, 1);
  assert.match(changed.stdout, /This receipt proves nothing: the log has committed to something else/);
});
