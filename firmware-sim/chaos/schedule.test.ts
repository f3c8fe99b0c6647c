import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../config/index.ts";
import { ACTIONS, drawEvents, eventText, formatSchedule, parseSchedule, type Target } from "./schedule.ts";
import { targetsOf } from "./targets.ts";

const config = loadConfig({ profile: "demo", env: {} });
const targets = targetsOf({ config, witnesses: ["witness-1"] });

test("a seed draws the same events again, and another seed draws others", () => {
  const draw = (seed: number) => drawEvents({ seed, slots: 240, count: 40, targets });
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test("events come in the order of time, within the run, and only befall whom they can", () => {
  const events = drawEvents({ seed: 3, slots: 96, count: 400, targets });
  assert.deepEqual(
    events.map(({ atSlot }) => atSlot),
    events.map(({ atSlot }) => atSlot).sort((a, b) => a - b),
  );
  for (const { atSlot, action, target } of events) {
    assert.ok(atSlot >= 2 && atSlot < 96);
    assert.ok(targets.find(({ name }) => name === target)?.actions.includes(action), `${action} ${target}`);
  }
  assert.deepEqual([...new Set(events.map(({ action }) => action))].sort(), [...ACTIONS].sort());
  assert.deepEqual([...new Set(events.map(({ target }) => target))].sort(), targets.map(({ name }) => name).sort());
});

test("a clock is wrong by no more slots than its party stands", () => {
  const slow: Target[] = [{ name: "a-1", actions: ["clock"], skewSlots: 3 }];
  const skews = drawEvents({ seed: 1, slots: 96, count: 200, targets: slow }).map((event) =>
    event.action === "clock" ? event.skewSlots : Number.NaN,
  );
  assert.deepEqual([Math.min(...skews), Math.max(...skews)], [-3, 3]);
});

test("a schedule is read back as it was written, from YAML and from JSON", () => {
  const events = drawEvents({ seed: 5, slots: 96, count: 20, targets });
  const schedule = { seed: 5, days: 4, broker: "nats", events } as const;
  assert.deepEqual(parseSchedule(formatSchedule(schedule), "s.yaml"), schedule);
  assert.deepEqual(parseSchedule(JSON.stringify(schedule), "s.json"), schedule);
  assert.deepEqual(parseSchedule(formatSchedule({ ...schedule, events: [] }), "s.yaml").events, []);
});

test("events of a file are put in order, and what is no schedule is refused by name", () => {
  const text =
    "seed: 1\ndays: 1\nbroker: embedded\nevents:\n  - { action: kill, atSlot: 9, target: a-1 }\n  - { action: kill, atSlot: 4, target: a-2 }\n";
  assert.deepEqual(
    parseSchedule(text, "s.yaml").events.map(({ target }) => target),
    ["a-2", "a-1"],
  );
  assert.throws(
    () => parseSchedule(text.replace("action: kill", "action: hug"), "s.yaml"),
    /s\.yaml is no schedule: .*action/s,
  );
  assert.throws(() => parseSchedule(text.replace("a-1", "../x"), "s.yaml"), /the name of a process/);
  assert.throws(() => parseSchedule("seed: [", "s.yaml"), /s\.yaml: /);
});

test("nodes of a cluster can be killed, stopped and cut off one by one, its attendant is no link", () => {
  const nats = { ...config, simulation: { ...config.simulation, broker: "nats" } } as const;
  const of = (name: string) => targetsOf({ config: nats, witnesses: [] }).find((one) => one.name === name)?.actions;
  assert.deepEqual(of("node-3"), ["kill", "stop", "partition", "delay", "duplicate"]);
  assert.deepEqual(of("broker"), ["kill", "stop", "clock"]);
});

test("an event is told in a few words", () => {
  const texts = [
    { action: "kill", atSlot: 3, target: "a-2" },
    { action: "partition", atSlot: 3, target: "utility", seconds: 1.5, silent: true },
    { action: "clock", atSlot: 3, target: "a-1", seconds: 2, wallSeconds: -60, skewSlots: 4 },
  ] as const;
  assert.deepEqual(texts.map(eventText), [
    "kill a-2",
    "partition utility for 1.5 s, silently",
    "clock a-1 for 2 s, by -60 s and 4 slots",
  ]);
});
