/** The loader: layers, origins, and that all faults come together. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { CHECKS } from "./checks.ts";
import { ConfigError, describeOrigin } from "./faults.ts";
import { loadConfig, loadEffective, profileNames } from "./load.ts";
import type { ConfigSources } from "./load.ts";
import { FIELDS, configSchema } from "./schema.ts";

function fileWith(text: string): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "wv-config-")), "wattveil.yaml");
  writeFileSync(file, text);
  return file;
}

function faultsOf(sources: Partial<ConfigSources>): string[] {
  try {
    loadConfig({ env: {}, ...sources });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults.map(({ path: name, message, origin }) => `${name}: ${message} (${describeOrigin(origin)})`);
  }
  return [];
}

const set = (name: string, value: unknown): Partial<ConfigSources> => ({
  flags: [{ name: "--set", path: name, value }],
});

test("a configuration that was written down whole is one again: every default is allowed", () => {
  for (const profile of [undefined, ...profileNames()]) {
    const whole = loadConfig({ env: {}, profile });
    assert.deepEqual(loadConfig({ env: {}, file: fileWith(stringify(whole)) }), whole, profile ?? "defaults");
  }
});

test("gives the documented defaults when nothing is said", () => {
  const config = loadConfig({ env: {} });
  assert.equal(config.system.aggregators, 3);
  assert.equal(config.meter.outboxSlots, 2_976);
  assert.equal(config.release.minSlots, 96);
  assert.equal(config.simulation.enabled, false);
});

test("describes every field and has a default for it", () => {
  for (const { path: name, schema } of FIELDS.values()) {
    const description = schema.meta()?.description ?? "";
    assert.ok(description.length > 10, `${name} has no description`);
    assert.ok(schema.safeParse(undefined).success, `${name} has no default`);
  }
  assert.equal(new Set([...FIELDS.values()].map(({ environment }) => environment)).size, FIELDS.size);
});

test("loads every profile that comes with the system", () => {
  assert.deepEqual(profileNames(), ["city", "demo", "laptop"]);
  for (const profile of profileNames()) loadConfig({ env: {}, profile });
  const { system, simulation } = loadConfig({ env: {}, profile: "city" });
  assert.deepEqual([system.aggregators, system.threshold, system.quorum], [5, 2, 4]);
  assert.equal(simulation.enabled, false);
  assert.equal(loadConfig({ env: {}, profile: "demo" }).release.minSlots, 12);
});

test("takes flags over environment over file over profile over default, and tells where each came from", () => {
  const file = fileWith("profile: demo\nsystem:\n  aggregators: 4\nsimulation:\n  meters: 60\n  days: 2\n");
  const { config, origins } = loadEffective({
    file,
    env: { WV_SIMULATION_DAYS: "3", WV_SIMULATION_SEED: "9", HOME: "/" },
    flags: [{ name: "--seed", path: "simulation.seed", value: "7" }],
  });
  const { meters, days, seed, feeders } = config.simulation;
  assert.deepEqual({ meters, days, seed, feeders }, { meters: 60, days: 3, seed: 7, feeders: 5 });
  const origin = (name: string): string => describeOrigin(origins.get(name)!);
  assert.equal(origin("simulation.seed"), "flag --seed");
  assert.equal(origin("simulation.days"), "environment variable WV_SIMULATION_DAYS");
  assert.equal(origin("simulation.meters"), `file ${file}:5`);
  assert.match(origin("release.minSlots"), /^profile demo\.yaml:\d+$/);
  assert.equal(origin("rounds.graceSlots"), "default");
  assert.match(origin("system.quorum"), /^derived/);
});

test("finds the file and the profile through WV_CONFIG and WV_PROFILE", () => {
  const file = fileWith("meter:\n  batchSlots: 7\n");
  const config = loadConfig({ env: { WV_CONFIG: file, WV_PROFILE: "demo" } });
  assert.equal(config.meter.batchSlots, 7);
  assert.equal(config.simulation.enabled, true);
});

test("a number that is none is told as it was written", () => {
  const faults = faultsOf({ file: fileWith("meter:\n  batchSlots: .nan\n  outboxSlots: 1e309\n"), env: {} });
  assert.match(faults.join("\n"), /batchSlots: expected .*, got NaN .*\n.*outboxSlots: expected .*, got Infinity /);
});

test("reports all faults at once, each with its path and its origin", () => {
  const file = fileWith("system:\n  agregators: 4\n  threshold: two\nbrokr:\n  host: x\nmeter: 3\n");
  const faults = faultsOf({
    file,
    env: { WV_SYSTEM_TRESHOLD: "2", WV_BROKER_TLS_PORT: "70000", WV_METER_OUTBOX_SLOTS: "5000" },
    flags: [{ name: "--speed", path: "simulation.speed", value: "fast" }],
  });
  const expected = [
    [/^system\.agregators: unknown field; did you mean aggregators\? \(file .*:2\)$/],
    [/^brokr: unknown section; did you mean broker\? \(file .*:4\)$/],
    [/^meter: expected a section with fields \(file .*:6\)$/],
    [/^WV_SYSTEM_TRESHOLD: unknown variable; did you mean WV_SYSTEM_THRESHOLD\?/],
    [/^system\.threshold: expected a whole number from 2 to 7, got "two" \(file .*:3\)$/],
    [
      /^broker\.tlsPort: expected a whole number from 0 to 65535, got 70000 \(environment variable WV_BROKER_TLS_PORT\)$/,
    ],
    [/^simulation\.speed: expected "max" or a number above 0, up to 1000000, got "fast" \(flag --speed\)$/],
    [/^meter\.outboxSlots: a window of 2976 slots .* \(environment variable WV_METER_OUTBOX_SLOTS\)$/],
  ];
  assert.equal(faults.length, expected.length, faults.join("\n"));
  for (const [i, [pattern]] of expected.entries()) assert.match(faults[i]!, pattern!);
});

const CROSS_FAULTS: readonly [string, Record<string, unknown>, RegExp][] = [
  ["a threshold above n", { "system.threshold": 4 }, /threshold \(4\) cannot exceed/],
  ["a quorum below the majority", { "system.quorum": 1 }, /must be 2 to 3/],
  ["a quorum above n", { "system.quorum": 4 }, /must be 2 to 3/],
  ["a quorum below t", { "system.aggregators": 5, "system.threshold": 5, "system.quorum": 4 }, /must be 5 to 5/],
  ["slots that do not divide a day", { "system.slotSeconds": 7 * 60 }, /does not divide a day/],
  ["an unknown time zone", { "system.timezone": "Europe/Atlantis" }, /no known time zone/],
  ["a simulation in production", { "system.production": true, "simulation.enabled": true }, /simulated time/],
  ["loads of few meters in production", { "system.production": true, "release.minMeters": 3 }, /5 meters or more/],
  ["few slots in production", { "system.production": true, "release.minSlots": 12 }, /96 slots or more/],
  ["one port twice", { "broker.wssPort": 8883 }, /ports must differ/],
  ["packets smaller than a chunk", { "broker.maxPacketBytes": 100_000 }, /chunk between servers/],
  ["a CONNECT above the packet size", { "broker.connectBytes": 65_536, "broker.maxPacketBytes": 65_000 }, /CONNECT/],
  ["a first wait above the longest", { "link.retryMinSeconds": 9 }, /first wait/],
  ["pings slower than the idle limit", { "broker.idleSeconds": 20 }, /before a party pings/],
  ["messages above the outbox", { "meter.outboxSlots": 50 }, /exceeds the outbox/],
  ["messages above 31 days of quarter hours", { "meter.maxSlotsPerMessage": 2_977 }, /from 1 to 2976/],
  ["batches above a message", { "meter.batchSlots": 97 }, /does not fit/],
  ["a slot above the register", { "meter.registerModulus": 50_000 }, /whole turn/],
  ["a history below the outbox", { "meter.historyDays": 30 }, /do not cover/],
  ["a window below the outbox", { "aggregator.windowSlots": 100 }, /refuses what an outbox/],
  ["changed blocks above the cache", { "aggregator.cacheBlocks": 100 }, /do not fit/],
  ["bills too short to be released", { "billing.period": "day", "release.minSlots": 97 }, /can never be released/],
  ["more feeders than meters", { "simulation.feeders": 51 }, /51 feeders/],
  ["eight aggregators", { "system.aggregators": 8 }, /from 2 to 7/],
  ["a date that is none", { "simulation.start": "2025-02-30" }, /a date, YYYY-MM-DD/],
];

for (const [what, values, pattern] of CROSS_FAULTS) {
  test(`refuses ${what}`, () => {
    const flags = Object.entries(values).map(([name, value]) => ({ name: "--set", path: name, value }));
    const faults = faultsOf({ flags });
    assert.ok(
      faults.some((fault) => pattern.test(fault)),
      faults.join("\n"),
    );
  });
}

test("derives a quorum that is a majority and not below the threshold", () => {
  const quorum = (n: number, t: number): number =>
    loadConfig({ env: { WV_SYSTEM_AGGREGATORS: String(n), WV_SYSTEM_THRESHOLD: String(t) } }).system.quorum;
  assert.deepEqual([quorum(2, 2), quorum(3, 2), quorum(4, 2), quorum(5, 2), quorum(5, 4)], [2, 2, 3, 3, 4]);
});

test("checks only fields that exist", () => {
  for (const { fields } of CHECKS) for (const field of fields) assert.ok(FIELDS.has(field), field);
});

test("accepts port 0 more than once, for free ports", () => {
  const flags = ["tlsPort", "wssPort"].map((port) => ({ name: "--set", path: `broker.${port}`, value: 0 }));
  assert.equal(loadConfig({ env: {}, flags }).broker.wssPort, 0);
});

test("reads maps and `max` from text as well", () => {
  const env = { WV_BILLING_TARIFFS: '{"m-001":"flat.yaml"}', WV_SIMULATION_SPEED: "max" };
  const config = loadConfig({ env });
  assert.deepEqual(config.billing.tariffs, { "m-001": "flat.yaml" });
  assert.equal(config.simulation.speed, "max");
  assert.equal(loadConfig({ env: { WV_SIMULATION_SPEED: "2.5" } }).simulation.speed, 2.5);
  assert.match(faultsOf({ env: { WV_BILLING_TARIFFS: '{"M":"x"}' } })[0]!, /M: expected a meter/);
});

test("names a file that is missing, and one that is no YAML with the line", () => {
  assert.match(
    faultsOf({ file: "/nowhere/x.yaml", env: {} })[0]!,
    /\/nowhere\/x\.yaml: there is no such file \(flag --config\)/,
  );
  assert.match(faultsOf({ file: fileWith("system:\n  a: [1\n") }).join(), /wattveil\.yaml:\d/);
  assert.match(faultsOf({ file: fileWith("- a\n- b\n") })[0]!, /expected sections/);
  assert.match(faultsOf({ profile: "dem" })[0]!, /no such profile, only city, demo, laptop; did you mean demo\?/);
});

test("takes an empty file for one that says nothing", () => {
  assert.deepEqual(loadConfig({ file: fileWith("# nothing\n"), env: {} }), loadConfig({ env: {} }));
});

test("refuses what a flag names but the schema does not", () => {
  assert.match(faultsOf(set("system.aggregator", 3))[0]!, /unknown field; did you mean system\.aggregators\?/);
});

test("cannot be changed afterwards", () => {
  const config = loadConfig({ env: {} }) as { system: { aggregators: number } };
  assert.throws(() => (config.system.aggregators = 5), TypeError);
});

test("gives back what was put in, for every whole number in range", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 7 }), fc.integer({ min: 2, max: 7 }), (n, t) => {
      const env = { WV_SYSTEM_AGGREGATORS: String(n), WV_SYSTEM_THRESHOLD: String(t), WV_SYSTEM_QUORUM: String(n) };
      const faults = faultsOf({ env });
      assert.equal(faults.length === 0, t <= n);
      if (t <= n) assert.equal(loadConfig({ env }).system.threshold, t);
    }),
  );
});

test("has a schema that by itself gives the same defaults", () => {
  const { system, ...rest } = configSchema.parse({});
  assert.deepEqual({ ...rest, system: { ...system, quorum: 2 } }, loadConfig({ env: {} }));
});

test("a party on a server may stand still for as long as it waits for that, or for ever", () => {
  const faults = (stillSeconds: number, url: string) =>
    faultsOf({
      flags: [
        { name: "--set", path: "roles.stillSeconds", value: stillSeconds },
        { name: "--set", path: "storage.url", value: url },
      ],
    });
  const server = "postgresql://127.0.0.1:5432/wattveil";
  assert.match(faults(120, server).join(), /roles\.stillSeconds.*120 s are not more than the 120 s of that/);
  assert.deepEqual([...faults(121, server), ...faults(0, server), ...faults(2, "")], []);
});
