/** The utility as it starts: with keys for ciphertexts it takes outputs over the broker and answers them. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { redealCkks } from "../../config/enrolment/ckks-redeal.ts";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import { type Config, loadConfig } from "../../config/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { connectLink } from "../../config/runtime/link.ts";
import { startTestBroker } from "../../config/runtime/testing/broker.ts";
import { encodeTranscript, jobIdOf } from "../../protocol/ckks/job.ts";
import { ChunkAssembler, openServerMessage, sealServerMessage, splitChunks } from "../../protocol/envelope/index.ts";
import { jobOutcome, type JobOutcome } from "../../protocol/messages/ckks.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";
import { startUtility } from "../server.ts";
import { SMALL } from "./testing/dealing.ts";

const QUIET = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

test("an output that no keys here fit is answered over the broker, also after a redealing", async (t) => {
  const data = await mkdtemp(path.join(tmpdir(), "utility-opened-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const plan = { sets: [{ parameters: SMALL, relin: false, galoisSteps: [] }], insecureForTests: true };
  await enrol({ data, meters: meterList(2, 1), ckks: plan });
  const party = (id: string) => openParty(path.join(data, "keys", id));
  const broker = await startTestBroker(party("broker").tls);
  t.after(() => broker.close());
  const base = loadConfig({ profile: "demo", env: {} });
  const { degree, primeBits, scaleBits } = SMALL;
  const config: Config = {
    ...base,
    paths: { data, logs: path.join(data, "logs"), results: path.join(data, "results") },
    broker: { ...base.broker, tlsPort: broker.port },
    simulation: { ...base.simulation, enabled: false },
    billing: { ...base.billing, period: "month" },
    homomorphic: {
      ...{ ...base.homomorphic, enabled: true, insecureForTests: true, sets: ["light"] },
      light: { degree: degree, primeBits: [...primeBits], scaleBits },
    },
  };
  const controller = new AbortController();
  const server = await startUtility({
    ...{ config, party: party("utility"), log: QUIET as never, measure: () => {}, signal: controller.signal },
  });
  t.after(() => server.stop());

  const analytics = party("analytics");
  const chunks = new ChunkAssembler(() => 0);
  let answered: (outcome: JobOutcome) => void = () => {};
  const answer = new Promise<JobOutcome>((resolve) => (answered = resolve));
  const link = await connectLink({
    ...{ party: analytics, host: "127.0.0.1", port: broker.port, log: QUIET, subscriptions: [filterOf("jobResult")] },
    onMessage: async (_, payload) => {
      const sealed = chunks.add("utility", payload);
      if (sealed === undefined) return;
      answered(jobOutcome.parse((await openServerMessage(sealed, analytics, "utility")).message));
    },
  });
  t.after(() => link.close());
  const keys = path.join(data, "keys");
  await redealCkks({ keys, authority: party("authority"), plan, now: 1 });
  const digest = new Uint8Array(32);
  const transcript = encodeTranscript({
    ...{ epoch: 2, parametersId: new Uint8Array(8), circuit: "sum", parameters: {}, series: ["load"] },
    ...{ firstSlot: 1, slots: 4, feeders: ["f-1"], inputs: [{ meter: "m-001", series: "load", digest }] },
    outputs: [{ digest, c1Digest: digest, c0Digest: digest, level: 1, scale: 2 }],
  });
  const message = { type: "output", transcript, active: [1, 2], c0: [digest] };
  const job = jobIdOf(transcript);
  const [chunk] = splitChunks(await sealServerMessage(message, analytics, "utility"));
  await link.publish(topicOf("jobOutput", { job }), chunk!);
  assert.deepEqual(await answer, {
    ...{ type: "failed", job, code: "malformed-output" },
    detail: "transcript: no keys of epoch 2 were dealt for its parameter set",
  });
});
