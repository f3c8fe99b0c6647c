import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "./clock.ts";
import { LINK_PRESETS, type LinkPreset, linkConditions } from "./conditions.ts";
import { Link, type LinkState } from "./link.ts";

const linkOf = (changes: Parameters<typeof linkConditions>[1], name = "m-1"): Link =>
  new Link(linkConditions("perfect", changes), "seed", name);

test("a perfect link takes no time and loses nothing", () => {
  assert.deepEqual(linkOf({}).transfer(100_000), { delayMs: 0, serialisationMs: 0, retransmissions: 0, lost: false });
});

test("every preset is within the ranges that conditions are checked against", () => {
  for (const preset of Object.keys(LINK_PRESETS) as LinkPreset[]) linkConditions(preset);
});

test("conditions out of range are refused by name", () => {
  assert.throws(() => linkConditions("lan", { loss: 1.5 }), /loss: expected 0 to 1, got 1.5/);
  assert.throws(() => linkConditions("lan", { latencyMs: Number.NaN }), /latencyMs: .* got NaN/);
});

test("half of the latencies are below the median, and jitter stays within its bound", () => {
  const link = linkOf({ latencyMs: 50, latencySigma: 0.5 });
  const delays = Array.from({ length: 4000 }, () => link.transfer(100).delayMs).sort((a, b) => a - b);
  assert.ok(Math.abs((delays[2000] ?? 0) - 50) < 2);
  const jittery = linkOf({ jitterMs: 7 });
  for (let i = 0; i < 1000; i += 1) assert.ok(jittery.transfer(100).delayMs < 7);
});

test("serialisation takes eight bits a byte", () => {
  assert.equal(linkOf({ bitsPerSecond: 30_000 }).transfer(375).serialisationMs, 100);
});

test("loss costs doubling retransmission times, at the rate that was asked for", () => {
  const link = linkOf({ loss: 0.1, retransmissionMs: 200 });
  let late = 0;
  for (let i = 0; i < 10_000; i += 1) {
    const { delayMs, retransmissions } = link.transfer(100);
    assert.equal(delayMs, 200 * (2 ** retransmissions - 1));
    if (retransmissions > 0) late += 1;
  }
  assert.ok(Math.abs(late / 10_000 - 0.1) < 0.01, `${late} of 10000 late`);
});

test("each segment of a long chunk can be lost by itself", () => {
  const link = linkOf({ loss: 0.1 });
  let total = 0;
  for (let i = 0; i < 500; i += 1) total += link.transfer(14_000).retransmissions;
  assert.ok(Math.abs(total / 5000 - 0.111) < 0.02, `${total / 5000} per segment`);
});

test("a link that loses everything ends the connection", () => {
  assert.equal(linkOf({ loss: 1, maxRetransmissions: 3 }).transfer(1).lost, true);
});

test("the same seed and name give the same draws, another name others", () => {
  const draws = (name: string): number[] => {
    const link = linkOf({ latencyMs: 10, latencySigma: 1 }, name);
    return Array.from({ length: 10 }, () => link.transfer(1).delayMs);
  };
  assert.deepEqual(draws("m-1"), draws("m-1"));
  assert.notDeepEqual(draws("m-1"), draws("m-2"));
});

test("outages come at their rate, last their time, and do not depend on the traffic", () => {
  const outages = (transfers: number): [number, LinkState][] => {
    const clock = new ManualClock();
    const link = linkOf({ outagesPerHour: 6, outageSeconds: 60, silentShare: 0.5, loss: 0.5 });
    const seen: [number, LinkState][] = [];
    link.onChange((state) => seen.push([clock.now(), state]));
    link.start(clock);
    for (let i = 0; i < transfers; i += 1) link.transfer(10);
    clock.advance(500 * 3_600_000);
    link.stop();
    return seen;
  };
  const seen = outages(0);
  assert.deepEqual(outages(100), seen);
  const silent = seen.filter(([, state]) => state === "silent").length;
  const cut = seen.filter(([, state]) => state === "cut").length;
  // An outage an hour sixth, each a minute longer: 500 h hold about 2727.
  assert.ok(Math.abs(silent + cut - 2727) < 160, `${silent + cut} outages`);
  assert.ok(Math.abs(silent / (silent + cut) - 0.5) < 0.04);
  let downMs = 0;
  for (const [i, [at, state]] of seen.entries()) if (state === "up") downMs += at - (seen[i - 1]?.[0] ?? 0);
  assert.ok(Math.abs(downMs / (silent + cut) / 60_000 - 1) < 0.08);
});

test("a stopped link has no more outages", () => {
  const clock = new ManualClock();
  const link = linkOf({ outagesPerHour: 60, outageSeconds: 1 });
  link.start(clock);
  link.stop();
  link.onChange(() => assert.fail("an outage after stop"));
  clock.advance(3_600_000);
});

test("repeats are drawn at their rate", () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 0.02, 0.5, 1), (duplicates) => {
      const link = linkOf({ duplicates });
      let count = 0;
      for (let i = 0; i < 5000; i += 1) count += link.shouldRepeat() ? 1 : 0;
      assert.ok(Math.abs(count / 5000 - duplicates) < 0.03);
    }),
  );
});

test("a link can be changed and cut while it is used, and tells of it", () => {
  const link = linkOf({ latencyMs: 50, latencySigma: 0 });
  const states: LinkState[] = [];
  link.onChange((state) => states.push(state));
  assert.equal(link.transfer(100).delayMs, 50);
  link.change(linkConditions("perfect", { latencyMs: 5, latencySigma: 0 }));
  assert.equal(link.transfer(100).delayMs, 5);
  link.become("cut");
  link.become("up");
  assert.deepEqual([states, link.state], [["cut", "up"], "up"]);
});
