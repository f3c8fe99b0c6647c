/**
 * A learning round over real MQTT with every server a process of its own: one aggregator is killed half-way, a third of
 * the homes reach only some. What was opened is the sum over the agreed set; broker and aggregators see no update.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { FIELD_PRIME } from "../../protocol/field.ts";
import { packLanes, type RoundContent, roundOf, signAnnouncement, unpackLanes } from "../../protocol/learning/index.ts";
import { learnResult, type OpenedPart, sumOfParts } from "../../protocol/learning/result.ts";
import { trainingRound } from "../../protocol/learning/testing/rounds.ts";
import { interpolateAtZero } from "../../aggregator/testing/interpolate.ts";
import { elementsOfShare } from "../../protocol/shamir/vector-shares.ts";
import { filterOf, parseTopic, topicOf } from "../../protocol/topics.ts";
import { Holder, numbersIn, type OpenedUpdate } from "../testing/holder.ts";
import { sumOf } from "../testing/learning-bed.ts";
import { type Published, readRecording, RECORDING_FILE, type Recording } from "../testing/recording.ts";
import { DAY_SLOTS, DAY_START, SLOT_SECONDS, Stage } from "../testing/stage.ts";
import { WireHome } from "../testing/wire-home.ts";
import { again, seeded } from "../testing/wire-meter.ts";

const LENGTH = 24;
const HOMES = Array.from({ length: 9 }, (_, i) => `m-${i + 1}`);
/** To whom the first three homes get through. */
const REACH: Readonly<Record<string, readonly number[]>> = { "m-1": [1], "m-2": [3], "m-3": [1, 2] };
const AGREED = HOMES.slice(2);

/** Coordinates of five digits, no two alike. */
const random = seeded("updates of the homes");
const used = new Set<number>();
const vectors = new Map(
  HOMES.map((home): [string, number[]] => {
    const vector: number[] = [];
    while (vector.length < LENGTH) {
      const value = 10_000 + random(20_000);
      if (!used.has(value)) vector.push(value);
      used.add(value);
    }
    return [home, vector];
  }),
);
const NOW = (DAY_START + DAY_SLOTS) * SLOT_SECONDS;
const content: RoundContent = trainingRound(LENGTH, {
  ...{ closesAt: NOW + 600, minMeters: 5, noise: { mechanism: "none", variance: 0, colluders: 0 } },
});
const round = roundOf(content);
const elementsOf = (home: string): BigUint64Array => packLanes(vectors.get(home)!, content.vector);

let stage: Stage;
let recording: Recording;
let result: OpenedPart;
const folder = (id: string): string => stage.keys(id);
const database = (id: string, name: string): string => path.join(stage.data, id, name);

/** Resolves when each aggregator that the home reaches has acknowledged its shares. */
async function takePart(name: string): Promise<void> {
  const home = await WireHome.open(stage, name);
  await home.takePart(content, vectors.get(name)!, REACH[name]);
}

before(async () => {
  const brokerEntry = "tests/testing/recording-broker-main.ts";
  stage = await Stage.open({ meters: HOMES.map((meter) => ({ meter, feeder: "f-1" })), brokerEntry });
  await stage.startUtility();
  let settle: (part: OpenedPart) => void = () => {};
  const opened = new Promise<OpenedPart>((resolve) => (settle = resolve));
  const party = stage.party("analytics");
  const analytics = await stage.connect(party, [filterOf("learnResult")], (_topic, payload) => {
    const parsed = learnResult.parse(JSON.parse(Buffer.from(payload).toString()));
    assert.ok("sum" in parsed, parsed.status);
    settle(parsed);
  });
  const announcement = signAnnouncement(content, party);
  await again(
    (async () => {
      await Promise.all(HOMES.slice(0, 5).map(takePart));
      stage.supervisor.kill("a-2");
      await Promise.all(HOMES.slice(5).map(takePart));
      await stage.setTime(content.closesAt + 2);
      result = await opened;
    })(),
    () => analytics.publish(topicOf("learnAnnounce", {}), announcement),
  );
  for (const name of ["utility", "a-1", "a-2", "a-3", "broker"]) await stage.supervisor.stop(name);
  recording = readRecording(path.join(stage.data, RECORDING_FILE));
});
after(() => stage.close());

test("the opened sum is the sum over the agreed set, and the log says so", () => {
  assert.ok(stage.supervisor.restarts("a-2") >= 1, "it was killed half-way");
  assert.deepEqual([result.round, result.meters], [round, AGREED.length]);
  assert.deepEqual(sumOfParts([result]), sumOf(AGREED.map((home) => vectors.get(home)!)));
  const db = new Database(database("utility", "utility.db"), { readonly: true });
  const types = db.prepare("SELECT type FROM ledger_entries WHERE type IN ('set', 'model') ORDER BY idx").pluck().all();
  db.close();
  assert.deepEqual(types, ["set", "model"]);
});

const updates = (): Published[] => recording.published.filter(({ topic }) => parseTopic(topic)?.name === "update");
/** Every coordinate of every home, and the elements that it became. */
const secrets = (): bigint[] => [...vectors].flatMap(([home, own]) => [...own.map(BigInt), ...elementsOf(home)]);
/** The vectors that the shares of two or more aggregators give. */
function vectorsFrom(opened: readonly OpenedUpdate[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const home of HOMES) {
    const own = new Map(
      opened.filter(({ meter }) => meter === home).map(({ aggregator, update }) => [aggregator, update]),
    );
    if (own.size < 2) continue;
    const shares = [...own].map(([x, { share, elements }]) => ({ x, elements: elementsOfShare(share, elements) }));
    const values = shares[0]!.elements.map((_, i) =>
      interpolateAtZero(new Map(shares.map(({ x, elements }) => [x, elements[i]!])), FIELD_PRIME),
    );
    found.set(home, unpackLanes(values, content.vector));
  }
  return found;
}

test("the broker sees who takes part, and no update", async () => {
  const broker = new Holder().takeFolder(folder("broker")).takeFile(database("broker", "broker.db"));
  assert.ok(updates().length >= 22);
  assert.deepEqual(await broker.openUpdates(updates()), []);
  assert.deepEqual(numbersIn(recording.bytes, secrets()), []);
  // That it can be seen what is in clear is the control.
  assert.deepEqual(numbersIn(recording.bytes, [BigInt(content.closesAt)]), [BigInt(content.closesAt)]);
});

test("an aggregator with its keys, its store and all messages has shares, and no update", async () => {
  for (const agg of [1, 2, 3]) {
    const one = new Holder().takeFolder(folder(`a-${agg}`));
    const opened = await one.openUpdates(updates());
    assert.deepEqual([...new Set(opened.map(({ aggregator }) => aggregator))], [agg]);
    assert.equal(vectorsFrom(opened).size, 0);
    const held = opened.map(({ update: { share } }) => ("seed" in share ? share.seed : share.packed));
    const db = new Database(database(`a-${agg}`, "aggregator.db"), { readonly: true });
    const own = db.serialize();
    // Once the round is summed nothing is left of what was added up.
    const kept = db.prepare("SELECT count(*) FROM vector_shares").pluck().get() as number;
    db.close();
    assert.ok(agg === 3 || kept === 0, `aggregator ${agg} keeps ${kept} shares`);
    assert.deepEqual(numbersIn([own, ...held], secrets()), []);
  }
});

test("control: two aggregators together have every update", async () => {
  const two = new Holder().takeFolder(folder("a-1")).takeFolder(folder("a-3"));
  const found = vectorsFrom(await two.openUpdates(updates()));
  assert.deepEqual([...found.keys()], HOMES.slice(3));
  for (const [home, vector] of found) assert.deepEqual(vector, vectors.get(home));
});
