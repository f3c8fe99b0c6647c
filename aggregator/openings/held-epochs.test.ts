import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { redealCkks } from "../../config/enrolment/ckks-redeal.ts";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { parametersId } from "../../protocol/ckks/parameters.ts";
import { SMALL } from "../../protocol/ckks/seal/testing/keys.ts";
import { temporaryFolder } from "../testing/system.ts";
import { HeldEpochs } from "./held-epochs.ts";
import { JobError } from "./job-error.ts";
import { KeyBook } from "./key-book.ts";

test("a running aggregator holds the keys of a redealing once both files are there, in whatever order, and keeps the old ones", async (context) => {
  const data = temporaryFolder(context);
  const plan = { sets: [{ parameters: SMALL, relin: false, galoisSteps: [] }], insecureForTests: true };
  await enrol({ data, meters: meterList(1, 1), ckks: plan });
  const keys = path.join(data, "keys");
  const folder = path.join(keys, "a-1");
  const files = ["ckks.cose", "ckks-share.bin"].map((name) => path.join(folder, name));
  const faults: string[] = [];
  const held = new HeldEpochs(openParty(folder), (error) => faults.push(String(error)));
  const book = new KeyBook(() => held.all);
  const id = parametersId(SMALL);
  const codeOf = (epoch: number): string => {
    try {
      return `epoch ${book.find(epoch, id).epoch}`;
    } catch (error) {
      return error instanceof JobError ? error.code : assert.fail(String(error));
    }
  };
  const before = files.map((file) => readFileSync(file));
  const { share: oldShare } = await held.key(1, SMALL.name);
  assert.deepEqual([codeOf(1), codeOf(2)], ["epoch 1", "unknown-epoch"]);
  assert.equal(held.all, held.all, "the files are read again only when they change");

  await redealCkks({ keys, authority: openParty(path.join(keys, "authority")), plan, now: 1 });
  const after = files.map((file) => readFileSync(file));
  for (const first of [0, 1]) {
    for (const [i, file] of files.entries()) writeFileSync(file, i === first ? after[i]! : before[i]!);
    assert.deepEqual([codeOf(1), codeOf(2)], ["epoch 1", "unknown-epoch"], `only ${files[first]} has come`);
    await assert.rejects(held.key(2, SMALL.name), RangeError);
    writeFileSync(files[1 - first]!, after[1 - first]!);
    assert.deepEqual([codeOf(1), codeOf(2)], ["epoch 1", "epoch 2"]);
  }
  const renewed = await held.key(2, SMALL.name);
  assert.equal(renewed.epoch.epoch, 2);
  assert.notDeepEqual(renewed.share, oldShare);
  assert.deepEqual((await held.key(1, SMALL.name)).share, oldShare);

  copyFileSync(path.join(keys, "a-2", "ckks-share.bin"), files[1]!);
  await assert.rejects(held.key(2, SMALL.name), /does not verify/, "another aggregator's share does not open");
  writeFileSync(files[1]!, "nothing");
  assert.deepEqual([codeOf(1), codeOf(2), codeOf(3)], ["epoch 1", "epoch 2", "unknown-epoch"]);
  assert.equal(faults.length, 1, "told once");
  assert.match(faults[0]!, /ckks-share\.bin holds no key shares/);
});
