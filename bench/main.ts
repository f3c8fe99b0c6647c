/** `npm run bench -- <name>`: measures, prints tables, and writes `results/bench-<name>.json`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { run as alerts } from "./alerts.ts";
import { run as bill } from "./aggregator-bill.ts";
import { run as intake } from "./aggregator-intake.ts";
import { run as billing } from "./billing.ts";
import { run as broker } from "./broker.ts";
import { run as dashboard } from "./dashboard.ts";
import { run as delivery } from "./delivery.ts";
import { describeAggregatorBill, describeIntake } from "./describe.ts";
import { run as disclosure } from "./disclosure.ts";
import { run as emulator } from "./emulator.ts";
import { run as field } from "./field.ts";
import { run as fleet } from "./fleet.ts";
import { run as gateway } from "./gateway.ts";
import { run as grid } from "./grid.ts";
import { run as homomorphic } from "./homomorphic.ts";
import { run as range } from "./range.ts";
import { run as readers } from "./readers.ts";
import { run as liars } from "./liars.ts";
import { run as ledger } from "./ledger.ts";
import { run as learning } from "./learning.ts";
import { run as maintenance } from "./maintenance.ts";
import { run as operation } from "./operation.ts";
import { run as optimiser } from "./optimiser.ts";
import { run as privacy } from "./privacy.ts";
import { run as retention } from "./retention.ts";
import { run as scale } from "./scale.ts";
import { run as scenarios } from "./scenarios.ts";
import { run as storage } from "./storage.ts";
import { run as theft } from "./theft.ts";

const BENCHES: readonly Bench[] = [
  { name: "field", about: "multiplications, splits and interpolations against plain BigInt", run: field },
  {
    name: "intake",
    about: "share messages that one aggregator opens, stores and acknowledges, without MQTT",
    run: ({ json, quick }) =>
      Promise.resolve(intake(quick ? { messages: 15_000 } : {})).then(shown(json, describeIntake)),
  },
  {
    name: "storage",
    about: "intake of one aggregator and bills of the utility on SQLite and on PostgreSQL",
    run: storage,
  },
  { name: "retention", about: "32 days of an aggregator's shares removed: rows against a partition", run: retention },
  {
    name: "bill",
    about: "a month of bills in one aggregator, without MQTT and the utility",
    run: ({ json, quick }) => bill(quick ? { meters: 200 } : {}).then(shown(json, describeAggregatorBill)),
  },
  {
    name: "broker",
    about: "QoS 1 messages that the broker carries",
    run: async (options) => ({ ...(await broker(options)) }),
  },
  { name: "delivery", about: "sealed shares against raw QoS 1 messages, end to end", run: delivery },
  {
    name: "scenarios",
    about: "sweeps over meters, interval and batch: throughput, latency, cost per share",
    run: scenarios,
  },
  { name: "billing", about: "a month of a thousand meters, from due to final", run: billing },
  { name: "liars", about: "one lying aggregator of five in the bills of a thousand meters, against none", run: liars },
  {
    name: "scale",
    about: "how costs grow from 100 to 100,000 meters, and what a million of them would need",
    run: scale,
  },
  { name: "range", about: "range proofs of ten thousand readings in one aggregator", run: range },
  { name: "fleet", about: "two thousand meters with their own connections: memory, time to connect", run: fleet },
  { name: "readers", about: "telegrams of real meters: P1, SML and D0 through the readers", run: readers },
  { name: "gateway", about: "ten P1 meters of a telegram per second: processor time of the gateway", run: gateway },
  {
    name: "ledger",
    about: "the log: durable appends, proofs at a million entries, the check of all of it",
    run: ledger,
  },
  {
    name: "disclosure",
    about: "the release rules over a year of daily bills and loads of each slot, and the audit of it",
    run: disclosure,
  },
  {
    name: "emulator",
    about: "five hundred binaries of the firmware for a simulated hour, on one thread",
    run: emulator,
  },
  { name: "grid", about: "power flows against a dense Newton, and the state estimator on unseen seeds", run: grid },
  {
    name: "operation",
    about: "a grid in operation, 33 and 1,000 nodes: from samples to state, its bytes, decisions on the switches",
    run: operation,
  },
  {
    name: "alerts",
    about: "what shipped rules make of a simulated grid: found, how soon, false alarms, on unseen seeds",
    run: alerts,
  },
  {
    name: "maintenance",
    about: "failures of simulated fleets told by a model on unseen seeds, and what its plans save",
    run: maintenance,
  },
  { name: "optimiser", about: "the trained switches of the 33-bus feeder beside their peers", run: optimiser },
  { name: "theft", about: "theft at the heads of simulated feeders: found, how soon, and false alarms", run: theft },
  {
    name: "learning",
    about: "rounds of learning: 100 homes, 10,000 weights, from announced to opened; bytes of a home",
    run: learning,
  },
  { name: "privacy", about: "noise drawn for 10,000 coordinates, and what accounting for it takes", run: privacy },
  {
    name: "dashboard",
    about: "the dashboard in a browser: changed values, frames of a large map, bytes, pictures of every page",
    run: dashboard,
  },
  { name: "homomorphic", about: "ciphertexts: every step, packing, fleet sums, memory, accuracy", run: homomorphic },
];

/** For benchmarks that only return their figures. */
function shown<T extends object>(json: boolean, describe: (result: T) => string) {
  return (result: T): Record<string, unknown> => {
    if (!json) process.stdout.write(`${describe(result)}\n`);
    const figures: Record<string, unknown> = {};
    return Object.assign(figures, result);
  };
}

async function run({ config, operands, options, json }: RoleContext): Promise<number> {
  const [name, ...more] = operands;
  const bench = BENCHES.find((candidate) => candidate.name === name);
  if (bench === undefined || more.length > 0) {
    const known = BENCHES.map((candidate) => candidate.name).join(", ");
    throw new UsageError(`expected the name of one benchmark (${known}), got ${operands.join(" ") || "none"}`);
  }
  const quick = options["quick"] === true;
  const folder = options["cpuProfile"] as string | undefined;
  const cpuProfile = folder === undefined ? undefined : resolve(folder);
  const startedAt = new Date();
  const results = await bench.run({
    ...{ json, quick, cpuProfile, ...billingOptions(options), ...config.paths },
    address: addressOf(options["address"] as string | undefined),
  });
  const report = {
    bench: bench.name,
    quick,
    time: startedAt.toISOString(),
    node: process.version,
    cpus: cpus().length,
    cpu: cpus()[0]?.model,
    ...results,
  };
  mkdirSync(config.paths.results, { recursive: true });
  const file = join(config.paths.results, `bench-${bench.name}.json`);
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stdout.write(`written to ${file}\n`);
  return EXIT.ok;
}

function addressOf(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  if (!/^https?:\/\/[^/]+\/?$/.test(address)) {
    throw new UsageError(`--address: expected one as http://127.0.0.1:8080, got ${address}`);
  }
  return address.replace(/\/$/, "");
}

function billingOptions(options: RoleContext["options"]): Pick<BenchOptions, "feeders" | "prepared" | "together"> {
  const [feeders, prepared] = [options["feeders"], options["prepared"]] as (string | undefined)[];
  if (feeders !== undefined && !/^[1-9]\d*$/.test(feeders)) {
    throw new UsageError(`--feeders: expected a number from 1 on, got ${feeders}`);
  }
  return {
    feeders: feeders === undefined ? undefined : Number(feeders),
    prepared: prepared === undefined ? undefined : resolve(prepared),
    together: options["together"] === true,
  };
}

await runRole({
  name: "bench",
  description: "Measures the system, against what it is compared with.",
  operands: "[name...]",
  logFiles: false,
  examples: ["npm run bench -- field", "npm run bench -- delivery --quick"],
  help: `Benchmarks:\n${BENCHES.map(({ name, about }) => `  ${name.padEnd(11)} ${about}`).join("\n")}`,
  flags: [
    { flags: "--quick", description: "shorter, for a first impression" },
    { flags: "--cpu-profile <dir>", description: "write a CPU profile of every process there" },
    { flags: "--feeders <n>", description: "billing: spread the meters over this many feeders" },
    {
      flags: "--prepared <dir>",
      description: "billing: keep the filled stores there, and use them when they are there",
    },
    {
      flags: "--address <url>",
      description: "dashboard: the HTTP interface of a fleet that runs, whose folder --data names",
    },
    { flags: "--together", description: "billing: loads and bills fall due in one moment" },
  ],
  run,
});
