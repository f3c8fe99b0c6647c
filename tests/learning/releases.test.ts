/**
 * Noised loads and histograms through real aggregators and the utility's real desk: what is kept and published of them, what is
 * not opened, and that the noise of what is opened has the distribution that is stated.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { sql } from "kysely";
import { contentOf } from "../../analytics/releases/plan.ts";
import { release } from "../../config/schema-releases.ts";
import { seededBytes } from "../../protocol/ckks/ring/sample.ts";
import {
  homeIntegers,
  homeNoise,
  noisedRelease,
  type NoisedRelease,
  packLanes,
  precisionOf,
  type RoundContent,
  unpackLanes,
} from "../../protocol/learning/index.ts";
import { RandomBits } from "../../protocol/noise/index.ts";
import { VectorTotals } from "../../protocol/shamir/add-vectors.ts";
import { splitVector } from "../../protocol/shamir/split-vector.ts";
import { elementsOfShare } from "../../protocol/shamir/vector-shares.ts";
import { FIELD_PRIME } from "../../protocol/field.ts";
import { interpolateAtZero } from "../../aggregator/testing/interpolate.ts";
import { Learning } from "../../utility/learning/index.ts";
import { LearningBed } from "../testing/learning-bed.ts";

const SLOT_SECONDS = 900;
const asked = (more: object) => release.parse({ name: "asked", epsilon: 2, minMeters: 4, colluders: 1, ...more });
const histogram = asked({ type: "histogram", name: "day-energy", edgesWh: [4_000, 8_000, 16_000] });
const load = asked({ type: "load", name: "street", clipWh: 3_000 });

const opener = { firstSlot: 1_900_000, step: 0 };

/** Homes' parts of a sum through shares and the aggregators' adding; the polynomials of each are its own. */
function sumThroughShares(content: RoundContent, round: string, homes: readonly (readonly number[])[]): number[] {
  const elements = homes.map((values) => packLanes(values, content.vector));
  const totals = new Map([1, 3].map((x) => [x, new VectorTotals(elements[0]!.length)]));
  for (const [home, own] of elements.entries()) {
    const key = createHash("sha256").update(`home ${home}`).digest();
    const { shares } = splitVector({ key, round, elements: own, n: 3, t: 2 });
    for (const [x, total] of totals) total.add(elementsOfShare(shares[x - 1]!, own.length));
  }
  const bytes = new Map([...totals].map(([x, total]) => [x, Buffer.from(total.toBytes())]));
  const sums = elements[0]!.map((_, i) =>
    interpolateAtZero(new Map([...bytes].map(([x, all]) => [x, all.readBigUInt64BE(8 * i)])), FIELD_PRIME),
  );
  return unpackLanes(sums, content.vector);
}

test("the noise of opened histograms has the distribution that is stated, whoever drops out", () => {
  const rounds = 400;
  const homes = 9;
  const wanted = { ...histogram, minMeters: 5, colluders: 1 };
  const content = contentOf(wanted, SLOT_SECONDS, { ...opener, closesAt: 1_800_000_000 });
  assert.ok(content.task.type === "histogram");
  const bits = new RandomBits(seededBytes(Buffer.alloc(32, 7), "noise of histograms"));
  const noise = homeNoise(content, bits);
  const scores: number[] = [];
  const leastScores: number[] = [];
  for (let at = 0; at < rounds; at += 1) {
    // Five to nine of them, in turn.
    const stayed = homes - (at % 5);
    const buckets = Array.from({ length: stayed }, (_, home) => (at + home * home) % 4);
    const vectors = buckets.map((bucket) =>
      homeIntegers(
        content,
        [0, 1, 2, 3].map((i) => Number(i === bucket)),
        bits,
        noise,
      ),
    );
    const round = at.toString(16).padStart(32, "0");
    const { noiseSd, leastNoiseSd } = precisionOf({ ...content, task: content.task }, stayed);
    for (const [bucket, sum] of sumThroughShares(content, round, vectors).entries()) {
      const error = sum / content.vector.scale - buckets.filter((one) => one === bucket).length;
      scores.push(error / noiseSd);
      leastScores.push(error / leastNoiseSd);
    }
  }
  const mean = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0) / of.length;
  const square = (of: readonly number[]): number => mean(of.map((value) => value * value));
  // Four standard deviations of each statistic over so many values.
  const bound = (sd: number): number => (4 * sd) / Math.sqrt(scores.length);
  assert.ok(Math.abs(mean(scores)) < bound(1), `mean ${mean(scores)}`);
  assert.ok(Math.abs(square(scores) - 1) < bound(Math.SQRT2), `variance ${square(scores)}`);
  const within = mean(scores.map((value) => Number(Math.abs(value) < 1)));
  assert.ok(Math.abs(within - 0.6827) < bound(0.4655), `within one standard deviation: ${within}`);
  // The noise that epsilon counts on is there, and more: the homes beyond the fewest, and those who might have told theirs.
  assert.ok(square(leastScores) > 1.5, `${square(leastScores)}`);
});

/** What the utility's process of now publishes of releases. */
async function published(bed: LearningBed): Promise<{ topic: string; release: NoisedRelease }[]> {
  const found: { topic: string; release: NoisedRelease }[] = [];
  const { desk, utility } = bed.harness;
  const learning = new Learning({
    ...{ db: utility.db, slotSeconds: utility.slotSeconds, rounds: desk.learning, directory: bed.system.directory },
    connected: () => true,
    refuse: () => {},
    publish: (topic, payload) => {
      if (topic.startsWith("wv/1/pub/release/")) {
        found.push({ topic, release: noisedRelease.parse(JSON.parse(payload)) });
      }
      return Promise.resolve();
    },
  });
  await learning.flush();
  return found;
}

test("what was released is public with its noise and its cost, in tables that follow from the log, and queried as documented", async (t) => {
  const bed = await LearningBed.make(t, { homes: 6 });
  const { db, slotSeconds } = bed.harness.utility;
  const bits = new RandomBits(seededBytes(Buffer.alloc(32, 9), "releases"));
  const open = async (of: typeof histogram, step: number, values: (home: number) => number[], homes: number) => {
    const content = contentOf(of, slotSeconds, { ...opener, step, closesAt: bed.system.now + 600 });
    await bed.announce(content);
    for (const [home, name] of bed.homes.slice(0, homes).entries()) {
      bed.send(content, name, homeIntegers(content, values(home), bits, homeNoise(content, bits)));
    }
    await bed.finish(content);
    return content;
  };
  const slots = 86_400 / slotSeconds;
  const curve = await open(load, 0, (home) => new Array<number>(slots).fill(100 * home), 6);
  const counts = await open(histogram, 0, () => [0, 1, 0, 0], 5);
  const failed = await open(histogram, 1, () => [0, 1, 0, 0], 3);
  const [first, second, third] = await published(bed);
  assert.deepEqual(
    [first, second, third].map((one) => [one?.topic, one?.release.status]),
    [
      ["wv/1/pub/release/street", "final"],
      ["wv/1/pub/release/day-energy", "final"],
      ["wv/1/pub/release/day-energy", "too-few-meters"],
    ],
  );
  assert.ok(first !== undefined && "values" in first.release && second !== undefined && "values" in second.release);
  const { values, unit, noiseSd, leastNoiseSd, epsilon, meters, from, to, privacy } = first.release;
  assert.deepEqual([values.length, unit, meters, to - from], [slots, "Wh", 6, 86_400]);
  assert.match(privacy, /^noised/);
  assert.ok(Math.abs(noiseSd / leastNoiseSd - Math.SQRT2) < 1e-9, "six homes where three are counted on");
  assert.ok(epsilon <= 2 && epsilon > 1.99);
  const error = values.map((value) => value - 1_500);
  assert.ok(error.every((value) => Math.abs(value) < 7 * noiseSd));
  assert.deepEqual([second.release.unit, second.release.edgesWh], ["days", [4_000, 8_000, 16_000]]);
  const models = await bed.harness.logged("model");
  assert.deepEqual(
    models.map(({ campaign, cost }) => [campaign, cost.epsilonMilli]),
    [
      // A budget of 2 keeps a hundredth of its delta back.
      ["street", 1_999],
      ["day-energy", 1_999],
    ],
  );
  const rows = await db.selectFrom("noised_releases").selectAll().orderBy("settled_at").execute();
  assert.deepEqual(
    rows.map(({ name, step, meters: homes, status }) => [name, step, homes, status]),
    [
      ["street", 0, 6, "final"],
      ["day-energy", 0, 5, "final"],
      ["day-energy", 1, null, "too-few-meters"],
    ],
  );
  assert.match(rows[2]!.reason, /3 meters: too-few-meters/);
  // The guide's queries, and its columns.
  const guide = await readFile(new URL("../../docs/database.md", import.meta.url), "utf8");
  const queries = [...guide.matchAll(/^```sql\n([\s\S]*?);\n```/gm)].map(([, query = ""]) => query);
  const own = queries.filter((query) => query.includes("noised_"));
  const answers = await Promise.all(own.map(async (query) => (await sql.raw(query).execute(db)).rows.length));
  assert.deepEqual(answers, [4, slots, 1]);
  for (const table of ["noised_releases", "noised_values", "model_rounds"]) {
    const line = guide.split("\n").find((one) => one.startsWith(`| \`${table}\``)) ?? "";
    const columns = await sql<{ name: string }>`SELECT name FROM pragma_table_info(${table})`.execute(db);
    assert.ok(columns.rows.length >= 6);
    for (const { name } of columns.rows) assert.match(line, new RegExp(`\\b${name}\\b`), `${table}.${name}`);
  }
  assert.deepEqual(await bed.harness.findings(), []);
  await db
    .updateTable("noised_values")
    .set({ value: 7 })
    .where("position", "=", 1)
    .where("from_wh", "is not", null)
    .execute();
  const [finding] = await bed.harness.findings();
  assert.match(finding ?? "", /^noised_values: .*its values are not those of the sum that was logged/);
  assert.equal(new Set([curve, counts, failed].map((content) => content.closesAt)).size, 3);
});
