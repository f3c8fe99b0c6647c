import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { ckksPlan, enrol, meterList } from "../../config/enrolment/index.ts";
import { loadConfig } from "../../config/index.ts";
import { loadCkksMaterial, openParty } from "../../config/keys/index.ts";
import { migrate, openDatabase } from "../../config/runtime/database.ts";
import { decodeTranscript, jobIdOf } from "../../protocol/ckks/job.ts";
import { packCiphertext, packedDigest, repeatWindow, strideOf } from "../../protocol/ckks/packed.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { IngestError } from "../ingest/codes.ts";
import { CiphertextStore } from "../store/ciphertext-store.ts";
import { MIGRATIONS } from "../store/schema.ts";
import { ComputeError } from "./evaluator.ts";
import { createBook, createEvaluator } from "./engine.ts";
import { seriesShape } from "./series.ts";

const WINDOW = { firstSlot: 480_000, slots: 24 };
const watch = { signal: new AbortController().signal, progress: () => {} };

test("worker threads check, add up and recompute ciphertexts, byte for byte", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-engine-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const base = loadConfig({ profile: "demo", env: {} });
  const homomorphic = {
    ...base.homomorphic,
    enabled: true,
    sets: ["light" as const],
    series: { load: { kind: "import" as const, set: "light" as const, content: "energy" as const } },
  };
  const config = { ...base, homomorphic, paths: { ...base.paths, data: folder } };
  await enrol({ data: folder, meters: meterList(3, 1), ckks: ckksPlan(config) });
  const party = openParty(path.join(folder, "keys", "analytics"));
  const shape = seriesShape(config, "load")!;
  const engine = await CkksEngine.create(shape.parameters);
  t.after(() => engine.close());
  engine.loadKeys(loadCkksMaterial(folder, party.ckks!.current, "light", ["publicKey"]));
  const stride = strideOf(WINDOW.slots, engine.degree);
  const encrypt = (value: number, series = "load"): Uint8Array =>
    engine.scope(() => {
      const values = new Float64Array(WINDOW.slots).fill(value);
      const raw = engine.rawCiphertext(engine.encrypt(engine.encode(repeatWindow(values, engine.slots))));
      return packCiphertext(engine, { series, ...WINDOW }, raw, stride);
    });

  const file = path.join(folder, "analytics.db");
  const db = openDatabase(file, { synchronous: "FULL" });
  t.after(() => db.close());
  migrate(db, MIGRATIONS);
  const store = new CiphertextStore(db);
  const evaluator = createEvaluator(config, file, 1, party);
  t.after(() => evaluator.close());
  const inputs = [];
  for (const [i, meter] of ["m-001", "m-002", "m-003"].entries()) {
    const bytes = encrypt(100 * (i + 1));
    const checked = await evaluator.check("load", bytes);
    assert.deepEqual([checked.firstSlot, checked.slots, checked.stride], [WINDOW.firstSlot, WINDOW.slots, stride]);
    const digest = packedDigest(bytes);
    store.put({ ...checked, meter, digest, bytes }, 0);
    inputs.push({ meter, series: "load", digest });
  }
  await assert.rejects(evaluator.check("load", encrypt(1, "other")), IngestError);
  await assert.rejects(evaluator.check("load", encrypt(1).subarray(0, 1_000)), IngestError);

  const order = { circuit: "sum", parameters: {}, label: "f-1", feeders: ["f-1"], series: ["load"], window: WINDOW };
  const computed = await evaluator.compute({ ...order, inputs }, watch);
  assert.equal(computed.job, jobIdOf(computed.transcript));
  assert.equal(decodeTranscript(computed.transcript).inputs.length, 3);
  const again = await evaluator.recompute(computed.transcript, watch);
  assert.deepEqual(again.outputs, computed.outputs);
  assert.deepEqual(again.transcript, computed.transcript);
  assert.deepEqual(createBook(config).inputMeters(computed.transcript), ["m-001", "m-002", "m-003"]);

  const halves = await evaluator.openingHalves(computed.transcript, computed.outputs, [1, 2]);
  assert.deepEqual(await evaluator.openingHalves(computed.transcript, computed.outputs, [1, 2]), halves);
  assert.notDeepEqual(await evaluator.openingHalves(computed.transcript, computed.outputs, [1, 3]), halves);

  db.prepare("UPDATE ciphertexts SET bytes = ? WHERE meter = 'm-002'").run(Buffer.from(encrypt(1)));
  await assert.rejects(
    evaluator.recompute(computed.transcript, watch),
    (error) => error instanceof ComputeError && error.code === "damaged-input",
  );
});

test("the book plans, reads and refuses", () => {
  const config = loadConfig({ profile: "demo", env: {} });
  const book = createBook(config);
  const job = { circuit: "sum", parameters: {}, series: ["load"], slots: 96 };
  const plan = book.plan(job, 1_000);
  assert.equal(plan.fits, true);
  assert.ok(plan.errorBound !== undefined && plan.errorBound < 1, `sums are right to 1 Wh: ${plan.errorBound}`);
  assert.match(book.plan({ ...job, circuit: "total" }, 10).reason, /standard would do/);
  assert.throws(() => book.plan({ ...job, circuit: "guess" }, 10), /RangeError: circuit: expected one of /);
  assert.throws(() => book.parse("weighted-sum", { weights: ["x"] }), /RangeError: parameters of weighted-sum/);
  assert.equal(book.defaultSeries("sum", {}), "load");
  assert.equal(book.defaultSeries("total", {}), "load-products");
});
