/** The meter as a process of its own, over a real broker: it takes part in a round, is killed with -9, and goes on alike. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { AedesPublishPacket } from "aedes";
import { enrol } from "../../../config/enrolment/index.ts";
import { openMeterSecrets, openParty } from "../../../config/keys/index.ts";
import { startTestBroker, type TestBroker } from "../../../config/runtime/testing/broker.ts";
import { createAckSealer, createUpdateOpener } from "../../../protocol/envelope/index.ts";
import { roundOf, signAnnouncement } from "../../../protocol/learning/index.ts";
import { loadRound } from "../../../protocol/learning/testing/rounds.ts";
import type { UpdateAck } from "../../../protocol/messages/ack-codes.ts";
import { topicOf } from "../../../protocol/topics.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wattveil-learning-"));
const METER = "m-001";
const SLOT = Math.floor(Date.now() / 900_000) - 4;
const INPUT = [100, 200]
  .map((energyWh, i) => `${JSON.stringify({ slotStart: 900 * (SLOT + i), energyWh })}\n`)
  .join("");
const content = loadRound(SLOT, SLOT + 2, {
  closesAt: Math.floor(Date.now() / 1_000) + 3_600,
  minMeters: 20,
  noise: { mechanism: "discrete-gaussian", variance: 4e8, colluders: 2 },
});
const round = roundOf(content);

let broker: TestBroker;
let announcing: NodeJS.Timeout;
const children = new Set<ChildProcess>();
/** Bytes of updates by aggregator, as they came. */
const updates = new Map<number, Buffer[]>([1, 2, 3].map((x) => [x, []]));
let answer: UpdateAck["code"] | undefined;
let came: () => void = () => undefined;

before(async () => {
  await enrol({ data: ROOT, meters: [{ meter: METER, feeder: "f-1" }], simulation: false });
  broker = await startTestBroker(openParty(join(ROOT, "keys", "broker")).tls);
  const { rootKeys } = openMeterSecrets(join(ROOT, "keys", METER));
  const sealers = new Map([...rootKeys].map(([x, key]) => [x, createAckSealer(key, METER, x)]));
  let counter = 0;
  const publish = (topic: string, payload: Uint8Array): void => {
    const packet = { cmd: "publish", qos: 1, dup: false, retain: false, topic, payload: Buffer.from(payload) } as const;
    broker.aedes.publish(packet, () => undefined);
  };
  const ack = (x: number, parts: object): void => {
    const said = { time: 1, highest: { boot: 0, counter: 0 }, entries: [], ...parts };
    publish(
      topicOf("ack", { meter: METER, agg: String(x) }),
      sealers.get(x)!.seal({ boot: 1, counter: counter++ }, said),
    );
  };
  broker.aedes.on("publish", ({ topic, payload }: AedesPublishPacket) => {
    const [, , , , what, , to] = topic.split("/");
    if (topic.endsWith(`${METER}/status`) && payload.includes("online")) {
      const { challenge, boot } = JSON.parse(payload.toString()) as { challenge: string; boot: number };
      for (const x of rootKeys.keys()) ack(x, { hello: { challenge: Buffer.from(challenge, "hex"), boot: boot + 1 } });
    } else if (what === "fl") {
      updates.get(Number(to))!.push(Buffer.from(payload));
      if (answer !== undefined) ack(Number(to), { updates: [{ round, code: answer }] });
      came();
    }
  });
  const announcement = signAnnouncement(content, openParty(join(ROOT, "keys", "analytics")));
  announcing = setInterval(() => publish(topicOf("learnAnnounce", {}), announcement), 100);
});
after(async () => {
  clearInterval(announcing);
  for (const child of children) child.kill("SIGKILL");
  await broker.close();
  rmSync(ROOT, { recursive: true, force: true });
});

/** Starts the meter and waits until so many more updates have come to each aggregator. */
async function meterUntil(more: number): Promise<ChildProcess> {
  const settings = [
    ...[`broker.tlsPort=${broker.port}`, `paths.logs=${join(ROOT, "logs")}`, "learning.enabled=true"],
    ...["learning.resendSeconds=0.2", "meter.resendSeconds=0.2"],
  ].flatMap((text) => ["--set", text]);
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(NODE_TEST_|WV_|npm_)/.test(key)));
  const start = ["config/runtime/start.mjs", "hardware/agent/main.ts", "--id", METER, "--data", ROOT];
  const child = spawn(process.execPath, [...start, ...settings], { env, stdio: ["pipe", "ignore", "pipe"] });
  children.add(child);
  const had = new Map([...updates].map(([x, of]) => [x, of.length]));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.write(INPUT);
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the meter ended with ${code}: ${stderr}`)));
    came = () => {
      if ([...updates].every(([x, of]) => of.length >= had.get(x)! + more)) resolve();
    };
  });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.removeAllListeners("exit");
  child.kill(signal);
  await once(child, "exit");
  children.delete(child);
}

test("killed with -9 after its update has left, a meter sends the same bytes until they are acknowledged", async () => {
  const first = await meterUntil(2);
  await end(first, "SIGKILL");
  answer = 0;
  const second = await meterUntil(1);
  await end(second, "SIGTERM");
  const { rootKeys } = openMeterSecrets(join(ROOT, "keys", METER));
  const tags = [...updates].map(([x, of]) => {
    assert.equal(new Set(of.map((bytes) => bytes.toString("base64"))).size, 1, `aggregator ${x}`);
    return Buffer.from(createUpdateOpener(rootKeys.get(x)!, METER, x).open(round, of[0]!).tag).toString("hex");
  });
  assert.equal(new Set(tags).size, 1);
});
