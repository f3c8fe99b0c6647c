import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { testPlace } from "../../../config/runtime/testing/store-place.ts";
import { AlertStore } from "./alert-store.ts";
import { type AlertChange, AlertEngine, AlertStateError } from "./engine.ts";
import { parseRules, readRules } from "./rules-file.ts";
import type { SignalName } from "./signals.ts";

const WALL = 1_800_000_000;
const RULES = `
rules:
  - { name: overload, severity: warning, signal: branch-loading, above: 100, clear: 95, text: "{element}: {value} {unit}" }
  - { name: long, severity: critical, signal: branch-loading, above: 120, for: 900, elements: ["branch:1*"], text: "x" }
  - { name: low, severity: warning, signal: bus-voltage, below: 0.95, clear: 0.955, text: "{element} at {value}, limit {limit}" }
  - { name: dead, severity: info, signal: dead-sensor, above: 0, text: "{element} {detail}" }
`;

interface EngineBed {
  engine: AlertEngine;
  readonly changes: AlertChange[];
  /** What was told outside since the last time that this was asked, and all changes with it. */
  readonly told: () => string[];
  /** One reading of one element, at a measured time. */
  readonly see: (signal: SignalName, element: string, value: number, at: number) => void;
  readonly pass: (seconds: number) => void;
  /** As another process would go on, with other rules where they are given. */
  readonly restart: (rules?: string) => void;
  readonly states: () => string[];
}

function engineBed(t: TestContext, rules = RULES): EngineBed {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-alerts-"));
  let wall = WALL;
  const changes: AlertChange[] = [];
  let seen = 0;
  const open = (text: string): AlertEngine =>
    new AlertEngine({
      rules: parseRules(text, "rules.yaml"),
      store: AlertStore.open(testPlace(path.join(folder, "alerts.db"))),
      now: () => wall,
      retentionDays: 10,
      onChange: (change) => changes.push(change),
    });
  const bed: EngineBed = {
    engine: open(rules),
    changes,
    told: () => {
      const fresh = changes.slice(seen);
      seen = changes.length;
      return fresh.map(({ change, alert, tell }) => `${tell ? "" : "quiet "}${change} ${alert.rule} ${alert.element}`);
    },
    see: (signal, element, value, at) => bed.engine.observe({ signal, at, values: new Map([[element, { value }]]) }),
    pass: (seconds) => {
      wall += seconds;
      bed.engine.tick();
    },
    restart: (text = rules) => {
      bed.engine.store.close();
      bed.engine = open(text);
    },
    states: () =>
      bed.engine.store
        .list({ limit: 100 }, wall)
        .map(({ rule, state }) => `${rule} ${state}`)
        .toSorted(),
  };
  t.after(() => {
    bed.engine.store.close();
    rmSync(folder, { recursive: true });
  });
  return bed;
}

test("an alert fires above its limit and is over only where it clears, on either side", (t) => {
  const { see, told, engine } = engineBed(t);
  for (const [i, value] of [99, 100, 101, 98, 99, 130, 96, 95].entries()) see("branch-loading", "branch:7", value, i);
  assert.deepEqual(told(), ["fired overload branch:7", "resolved overload branch:7"]);
  const [alert] = engine.store.list({ limit: 1 }, WALL);
  assert.deepEqual(
    [alert?.since, alert?.until, alert?.worst, alert?.value, alert?.text, alert?.state],
    [2, 7, 130, 95, "branch 7: 130 %", "resolved"],
  );
  for (const [i, value] of [0.95, 0.949, 0.954, 0.955].entries()) see("bus-voltage", "bus:3", value, i);
  assert.deepEqual(told(), ["fired low bus:3", "resolved low bus:3"]);
});

test("what must last does so without a break, and only elements of the pattern are looked at", (t) => {
  const { see, told, states } = engineBed(t);
  see("branch-loading", "branch:12", 130, 1_000);
  see("branch-loading", "branch:12", 130, 1_899);
  assert.deepEqual(told(), ["fired overload branch:12"]);
  assert.deepEqual(states(), ["long pending", "overload firing"]);
  see("branch-loading", "branch:12", 119, 1_900);
  assert.deepEqual(states(), ["overload firing"], "what was only pending leaves nothing behind");
  see("branch-loading", "branch:12", 130, 2_000);
  see("branch-loading", "branch:12", 130, 2_899);
  assert.deepEqual(told(), []);
  see("branch-loading", "branch:12", 130, 2_900);
  assert.deepEqual(told(), ["fired long branch:12"]);
  see("branch-loading", "branch:2", 130, 2_900);
  see("branch-loading", "branch:2", 130, 9_000);
  assert.deepEqual(told(), ["fired overload branch:2"]);
});

test("time that begins anew does not fire what has lasted for no time", (t) => {
  const { see, told } = engineBed(t);
  see("branch-loading", "branch:1", 130, 5_000);
  told();
  see("branch-loading", "branch:1", 130, 100);
  see("branch-loading", "branch:1", 130, 999);
  assert.deepEqual(told(), []);
  see("branch-loading", "branch:1", 130, 1_000);
  assert.deepEqual(told(), ["fired long branch:1"]);
});

test("elements that are not listed are as `others` says, or as they were", (t) => {
  const { engine, told } = engineBed(t);
  const values = new Map([["sensor:current:4", { value: 1, detail: "0 A" }]]);
  engine.observe({ signal: "dead-sensor", at: 1, values, others: 0 });
  engine.observe({ signal: "dead-sensor", at: 2, values: new Map() });
  assert.deepEqual(told(), ["fired dead sensor:current:4"]);
  engine.observe({ signal: "dead-sensor", at: 3, values: new Map(), others: 0 });
  assert.deepEqual(told(), ["resolved dead sensor:current:4"]);
  assert.equal(engine.store.list({ limit: 1 }, WALL)[0]?.text, "sensor current:4 0 A");
});

test("a restart forgets nothing and fires nothing twice; a rule that is gone resolves its alerts", (t) => {
  const bed = engineBed(t);
  bed.see("branch-loading", "branch:12", 130, 1_000);
  const id = bed.changes[0]!.alert.id;
  bed.engine.acknowledge(id, { account: "eva", comment: "crew is on its way" });
  bed.told();
  bed.restart();
  assert.deepEqual(bed.states(), ["long pending", "overload acknowledged"]);
  bed.see("branch-loading", "branch:12", 130, 1_900);
  assert.deepEqual(bed.told(), ["fired long branch:12"]);
  bed.restart(RULES.replace("name: overload", "name: other"));
  assert.deepEqual(bed.told(), ["resolved overload branch:12"]);
  assert.deepEqual(
    bed.engine.store.history(id).map(({ change, account, comment }) => [change, account, comment]),
    [
      ["fired", null, ""],
      ["acknowledged", "eva", "crew is on its way"],
      ["resolved", null, "its rule is gone"],
    ],
  );
});

test("a silence keeps quiet about the same element under the same rule, until its time is over", (t) => {
  const bed = engineBed(t);
  const by = { account: "eva", comment: "works" };
  const fire = (at: number): void => bed.see("branch-loading", "branch:7", 110, at);
  fire(1);
  bed.engine.silence(bed.changes[0]!.alert.id, 600, by);
  bed.see("branch-loading", "branch:7", 90, 2);
  fire(3);
  bed.see("branch-loading", "branch:8", 110, 3);
  assert.deepEqual(bed.told(), [
    "fired overload branch:7",
    "silenced overload branch:7",
    "resolved overload branch:7",
    "quiet fired overload branch:7",
    "fired overload branch:8",
  ]);
  assert.deepEqual(bed.states(), ["overload firing", "overload resolved", "overload silenced"]);
  bed.restart();
  bed.pass(599);
  assert.deepEqual(bed.told(), []);
  bed.pass(1);
  assert.deepEqual(bed.told(), ["unsilenced overload branch:7"], "it still fires, and nobody was told");
  assert.deepEqual(bed.states(), ["overload firing", "overload firing", "overload resolved"]);
  const open = bed.engine.store.open(WALL + 600).find(({ element }) => element === "branch:7")!;
  bed.engine.silence(open.id, 600, by);
  bed.engine.unsilence(open.id, by);
  assert.throws(() => bed.engine.unsilence(open.id, by), AlertStateError);
  bed.told();
  bed.see("branch-loading", "branch:7", 90, 4);
  assert.deepEqual(bed.told(), ["resolved overload branch:7"]);
  assert.throws(() => bed.engine.acknowledge(open.id, by), /it is resolved/);
  assert.throws(() => bed.engine.silence(open.id, 60, by), /it is resolved/);
  assert.equal(bed.engine.acknowledge("00000000-0000-4000-8000-000000000000", by), undefined);
});

test("what fired and ended in silence is told to nobody outside", (t) => {
  const bed = engineBed(t);
  bed.see("branch-loading", "branch:7", 110, 1);
  bed.engine.silence(bed.changes[0]!.alert.id, 600, { account: "eva", comment: "" });
  for (const [at, value] of [90, 110, 90].entries()) bed.see("branch-loading", "branch:7", value, at + 2);
  assert.deepEqual(bed.told().slice(2), [
    "resolved overload branch:7",
    "quiet fired overload branch:7",
    "quiet resolved overload branch:7",
  ]);
});

test("resolved alerts are kept for as long as configured, open ones for as long as they last", (t) => {
  const bed = engineBed(t);
  bed.see("branch-loading", "branch:7", 110, 1);
  bed.see("branch-loading", "branch:8", 110, 1);
  bed.see("branch-loading", "branch:8", 10, 2);
  bed.pass(10 * 86_400);
  assert.equal(bed.states().length, 2);
  bed.pass(3_600);
  assert.deepEqual(bed.states(), ["overload firing"]);
});

test("lines that stand for others are followed, but not to nothing, in a circle or without end", () => {
  const rule = "severity: info, signal: theft, above: 1";
  const told = (text: string): string => {
    try {
      return `${parseRules(text, "own.yaml").length} rules`;
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(told(`rules:\n  - { name: a, ${rule}, text: &t "x" }\n  - { name: b, ${rule}, text: *t }\n`), "2 rules");
  assert.equal(
    told(`rules:\n  - { name: a, ${rule},\n      text: *t }\n  - { name: b, ${rule}, text: *u }\n`),
    "alerts.rules: 2 faults:\n  own.yaml:3: *t: nothing above it is called &t\n  own.yaml:4: *u: nothing above it is called &u",
  );
  const bomb = Array.from({ length: 12 }, (_, i) => {
    const inner = i === 0 ? "x" : `*a${i - 1}`;
    return `a${i}: &a${i} [${Array.from({ length: 10 }, () => inner).join(", ")}]`;
  });
  assert.equal(
    told(`${bomb.join("\n")}\nrules: *a11\n`),
    `alerts.rules: own.yaml:2: aliases (*name) stand for too much: at most 100 are followed`,
  );
  assert.match(told("rules: &r\n  - *r\n"), /^alerts\.rules: own\.yaml:2: rules\[0\]: .*expected object/);
  assert.equal(
    told(`rules:\n  - ${"[".repeat(50_000)}`),
    "alerts.rules: own.yaml:2: more than 100 brackets within each other",
  );
});

test("rules are refused by file, line and field, all faults at once", () => {
  const wrong = `rules:
  - name: Overload
    severity: loud
    signal: branch-load
    above: 1
    below: 2
    text: "{who}"
    colour: red
  - { name: a, severity: info, signal: theft, above: 1, clear: 2, text: x }
  - { name: a, severity: info, signal: theft, below: 1, for: -1, text: x }
`;
  const lines = (text: string): string[] => {
    try {
      parseRules(text, "own.yaml");
    } catch (error) {
      return (error as Error).message.split("\n").map((line) => line.trim());
    }
    return [];
  };
  const told = lines(wrong);
  for (const [line, field] of [
    [2, "rules[0].name"],
    [3, "rules[0].severity"],
    [4, "rules[0].signal"],
    [7, "rules[0].text"],
    [10, "rules[2].for"],
  ] as const) {
    assert.ok(
      told.some((one) => one.startsWith(`own.yaml:${line}: ${field}: `)),
      `${line} ${field}: ${told.join("\n")}`,
    );
  }
  assert.ok(
    told.some((one) => /^own\.yaml:2: rules\[0\]: .*colour/.test(one)),
    told.join("\n"),
  );
  assert.match(
    lines(`rules:\n  - { name: a, severity: info, signal: theft, above: 1, below: 2, text: x }`)[0]!,
    /own\.yaml:2: rules\[0\]\.above: expected above or below, and not both/,
  );
  assert.match(
    lines(`rules:\n  - { name: a, severity: info, signal: theft, above: 1, clear: 2, text: x }`)[0]!,
    /own\.yaml:2: rules\[0\]\.clear: expected at most above \(1\), got 2/,
  );
  const twice = `{ name: a, severity: info, signal: theft, above: 1, text: x }`;
  assert.match(lines(`rules:\n  - ${twice}\n  - ${twice}`)[0]!, /own\.yaml:3: rules\[1\]\.name: a is there twice/);
  assert.match(lines("rules: [")[0]!, /^alerts\.rules: .*own\.yaml:1: /);
  assert.throws(
    () => readRules("/nowhere/rules.yaml"),
    /alerts\.rules: \/nowhere\/rules\.yaml cannot be read \(ENOENT\)/,
  );
});
