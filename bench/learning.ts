/**
 * Rounds of learning end to end: a hundred homes, a network of ten thousand weights, every server a process of its own over
 * real TLS. A home is the real agent with its durable store, its noise, its shares and its two connections; what it
 * would have trained is made up, since real homes train each on a processor of their own.
 */
import { join } from "node:path";
import { planRounds } from "../analytics/federated/round-plan.ts";
import { campaignOf } from "../analytics/federated/options.ts";
import { loadConfig } from "../config/index.ts";
import { openParty } from "../config/keys/index.ts";
import { connectLink } from "../config/runtime/link.ts";
import { renderTable } from "../config/runtime/terminal.ts";
import { weightsText } from "../learning/index.ts";
import { type RoundContent, roundContent, roundOf, signAnnouncement } from "../protocol/learning/index.ts";
import { learnResult, type OpenedPart, sumOfParts } from "../protocol/learning/result.ts";
import { filterOf, topicOf } from "../protocol/topics.ts";
import type { BenchOptions } from "./bench.ts";
import type { HomesPlan, HomesSettled } from "./learning/homes-worker.ts";
import { madeUpUpdate } from "./learning/made-up.ts";
import { BenchSystem, FIRST_SLOT } from "./system/bench-system.ts";
import { cpuSeconds, median } from "./system/usage.ts";

const HOMES = 100;
const WEIGHTS = 10_000;
/** The noise is that of a campaign of so many. */
const CAMPAIGN_ROUNDS = 30;
const TARGET_SECONDS = 10;
const TARGET_RATIO = 2;
const PATIENCE_SECONDS = 120;
/** Rounds close on minutes of simulated time. */
const SLOT_SECONDS = 60;
const FLOAT_BYTES = 4;
/** Ten standard deviations of the mean square over ten thousand coordinates. */
const MOST_DEVIATION = 1.15;

interface RoundFigures {
  /** From the announcement until every home knows that all its shares are stored. */
  readonly sendingSeconds: number;
  /** From the end of the round until analytics has the sum. */
  readonly closingSeconds: number;
  readonly bytesPerHome: number;
}

export async function run({ json, quick, cpuProfile }: BenchOptions): Promise<Record<string, unknown>> {
  const homes = quick ? 20 : HOMES;
  const rounds = quick ? 2 : 6;
  const minMeters = Math.floor(0.8 * homes);
  const colluders = Math.ceil(0.1 * minMeters);
  const note = (text: string): void => {
    if (!json) process.stderr.write(`${text}\n`);
  };
  const system = new BenchSystem({
    meters: homes,
    cpuProfile,
    set: {
      "system.slotSeconds": SLOT_SECONDS,
      "homomorphic.enabled": false,
      "learning.enabled": true,
      "learning.minMeters": minMeters,
      // As in `npm run learn`: time is simulated, and reaches the aggregators a moment after the utility.
      "rounds.retrySeconds": 0.25,
    },
  });
  try {
    note(`enrolling ${homes} homes`);
    await system.enrol();
    await system.startBroker();
    await system.setSlot(FIRST_SLOT);
    await system.startAggregators();
    await system.startUtility();
    note("connecting the homes");
    const options = campaignOf({ homes, minMeters, colluders, rounds: CAMPAIGN_ROUNDS, epsilon: 8 });
    const encoding = planRounds(options, WEIGHTS);
    const ids = system.meters.map(({ id }) => id);
    const plan: HomesPlan = { configFile: system.configFile, homes: ids, weights: WEIGHTS, clip: options.clip };
    await system.startWorker("homes", "bench/learning/homes-worker.ts", plan);
    const analytics = await openAnalytics(system);
    const figures: RoundFigures[] = [];
    const before = usage(system);
    for (let step = 0; step < rounds; step += 1) {
      const slot = FIRST_SLOT + 2 * step;
      const content = contentOf(step, (slot + 1) * SLOT_SECONDS, encoding);
      const round = await oneRound(system, analytics, { content, slot });
      figures.push(round);
      note(
        `round ${step + 1}: ${round.sendingSeconds.toFixed(2)} s sending, ${round.closingSeconds.toFixed(2)} s closing`,
      );
    }
    const cpu = usage(system).map(([name, seconds], i) => [name, (seconds - before[i]![1]) / rounds] as const);
    await analytics.close();
    const of = (pick: (round: RoundFigures) => number) => {
      const values = figures.map(pick);
      return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
    };
    const bytesPerHome = of((round) => round.bytesPerHome).median;
    const { lanes, bits } = encoding.vector;
    const result = {
      ...{ homes, weights: WEIGHTS, rounds, lanes, bits, targetSeconds: TARGET_SECONDS, targetRatio: TARGET_RATIO },
      sendingSeconds: of((round) => round.sendingSeconds),
      closingSeconds: of((round) => round.closingSeconds),
      totalSeconds: of((round) => round.sendingSeconds + round.closingSeconds),
      ...{ bytesPerHome, float32Bytes: FLOAT_BYTES * WEIGHTS, ratio: bytesPerHome / (FLOAT_BYTES * WEIGHTS) },
      cpuSecondsPerRound: Object.fromEntries(cpu),
    };
    if (!json) process.stdout.write(`${describe(result)}\n`);
    return result;
  } finally {
    await system.stop();
  }
}

function contentOf(step: number, closesAt: number, encoding: ReturnType<typeof planRounds>): RoundContent {
  const weights = weightsText(new Float64Array(WEIGHTS));
  return roundContent.parse({
    ...{ v: 1, campaign: "bench", step, closesAt, ...encoding },
    task: {
      type: "train",
      model: { topology: {}, weights },
      features: {},
      ...{ epochs: 1, batchSize: 64, learningRate: 0.1, mu: 0, seed: step },
    },
  });
}

/** Analytics, as far as a round needs it: it announces, and takes results in. */
async function openAnalytics(system: BenchSystem) {
  const party = openParty(join(system.data, "keys", "analytics"));
  const { signKey } = party;
  if (signKey === undefined) throw new Error("analytics cannot sign");
  const { broker, link: settings } = loadConfig({ file: system.configFile, env: {} });
  const parts: OpenedPart[] = [];
  let failure: string | undefined;
  const link = await connectLink({
    ...{ party, settings, host: broker.host, port: broker.tlsPort, log: { info: () => {}, warn: () => {} } },
    subscriptions: [filterOf("learnResult")],
    onMessage: (_topic, payload) => {
      const result = learnResult.parse(JSON.parse(Buffer.from(payload).toString()));
      if ("sum" in result) parts.push(result);
      else failure = `${result.status}: ${result.reason}`;
    },
  });
  return {
    announce: (content: RoundContent) =>
      link.publish(topicOf("learnAnnounce", {}), signAnnouncement(content, { id: party.id, signKey })),
    /** The sum of a round and how many homes are in it, as soon as it is there. */
    result: async (round: string): Promise<{ readonly meters: number; readonly sum: readonly number[] }> => {
      const until = performance.now() + PATIENCE_SECONDS * 1_000;
      for (;;) {
        const own = parts.filter((part) => part.round === round);
        if (own.length > 0 && own.length === own[0]?.parts) return { meters: own[0].meters, sum: sumOfParts(own) };
        if (failure !== undefined) throw new Error(`the round was not opened: ${failure}`);
        if (system.failures.length > 0) throw new Error(system.failures.join("; "));
        if (performance.now() > until) throw new Error(`no result after ${PATIENCE_SECONDS} s`);
        await new Promise((wake) => setTimeout(wake, 5));
      }
    },
    close: () => link.close(),
  };
}

async function oneRound(
  system: BenchSystem,
  analytics: Awaited<ReturnType<typeof openAnalytics>>,
  { content, slot }: { readonly content: RoundContent; readonly slot: number },
): Promise<RoundFigures> {
  await system.setSlot(slot);
  const round = roundOf(content);
  const settled = system.ask<HomesSettled>("homes", { round });
  const startedAt = performance.now();
  await analytics.announce(content);
  const homes = await settled;
  const sendingSeconds = (performance.now() - startedAt) / 1_000;
  const closedAt = performance.now();
  await system.setSlot(slot + 2);
  const { meters, sum } = await analytics.result(round);
  const closingSeconds = (performance.now() - closedAt) / 1_000;
  const count = system.meters.length;
  if (meters !== count || homes.faults > 0) throw new Error(`${meters} of ${count} homes are in the sum`);
  assertSum(content, sum, count);
  return { sendingSeconds, closingSeconds, bytesPerHome: homes.bytes / count };
}

/** The sum is what the homes have sent, and noise as large as was announced. Throws otherwise. */
function assertSum({ vector, noise, minMeters }: RoundContent, sum: readonly number[], homes: number): void {
  const exact = new Float64Array(vector.length);
  for (let home = 0; home < homes; home += 1) {
    for (const [i, value] of madeUpUpdate(home, vector.length, vector.clip).entries())
      exact[i]! += value * vector.scale;
  }
  const variance = (noise.variance * homes) / (minMeters - noise.colluders);
  const found = sum.reduce((total, value, i) => total + (value - exact[i]!) ** 2, 0) / vector.length;
  // Rounding by chance adds at most a quarter for each home.
  if (found <= MOST_DEVIATION * (variance + homes / 4) && found >= variance / MOST_DEVIATION) return;
  throw new Error(`noise: expected a variance of about ${variance.toFixed(0)}, the sum has ${found.toFixed(0)}`);
}

function usage(system: BenchSystem): (readonly [string, number])[] {
  const { supervisor } = system;
  return supervisor.names().map((name) => [name, cpuSeconds(supervisor.processId(name))] as const);
}

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

interface Result {
  readonly homes: number;
  readonly weights: number;
  readonly rounds: number;
  readonly sendingSeconds: Spread;
  readonly closingSeconds: Spread;
  readonly totalSeconds: Spread;
  readonly bytesPerHome: number;
  readonly float32Bytes: number;
  readonly ratio: number;
  readonly cpuSecondsPerRound: Readonly<Record<string, number>>;
}

function describe(result: Result): string {
  const spread = ({ median: middle, min, max }: Spread): string =>
    `${middle.toFixed(2)} s (${min.toFixed(2)} to ${max.toFixed(2)})`;
  const cpu = Object.entries(result.cpuSecondsPerRound).map(([name, seconds]) => `${name} ${seconds.toFixed(2)}`);
  return renderTable(
    [`${result.homes} homes, ${result.weights} weights, ${result.rounds} rounds`, "figure", "wanted"],
    [
      ["announced until all shares are stored and acknowledged", spread(result.sendingSeconds), ""],
      ["closed until analytics has the sum", spread(result.closingSeconds), ""],
      ["together", spread(result.totalSeconds), `under ${TARGET_SECONDS} s`],
      ["a home sends, bytes", Math.round(result.bytesPerHome), ""],
      ["over plain float32", result.ratio.toFixed(2), `at most ${TARGET_RATIO}`],
      ["processor time of a round, s", cpu.join(", "), ""],
    ],
  );
}
