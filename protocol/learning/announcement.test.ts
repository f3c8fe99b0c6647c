import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { decodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { MAX_SLOT } from "../slots.ts";
import { openAnnouncement, roundOf, signAnnouncement } from "./announcement.ts";
import { canonicalCbor, isJson, type JsonValue } from "./canonical.ts";
import { type RoundContent, roundContent } from "./content.ts";
import { reach } from "./shape.ts";
import { loadRound, trainingRound } from "./testing/rounds.ts";

const keys = generateKeyPairSync("ed25519");
const others = generateKeyPairSync("ed25519");
const directory = {
  servers: new Map([
    ["analytics", { role: "analytics" as const, signKey: keys.publicKey }],
    ["utility", { role: "utility" as const, signKey: others.publicKey }],
  ]),
};
const analytics = { id: "analytics", signKey: keys.privateKey };
const content = trainingRound(20);

function refuses(payload: unknown, code: string): void {
  const bytes = payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload));
  assert.throws(
    () => openAnnouncement(bytes, directory),
    (error) => error instanceof ProtocolError && error.code === code,
  );
}

interface Wire {
  round: string;
  content: RoundContent;
  signature: string;
}
const wire = (): Wire => JSON.parse(Buffer.from(signAnnouncement(content, analytics)).toString()) as Wire;

test("an announcement says what analytics signed, under the hash of it", () => {
  const opened = openAnnouncement(signAnnouncement(content, analytics), directory);
  assert.deepEqual(opened, { round: roundOf(content), content });
  assert.match(opened.round, /^[0-9a-f]{32}$/);
});

test("the id does not depend on the order of keys, and every other content has another", () => {
  const turned = Object.fromEntries(Object.entries(content).reverse()) as unknown as RoundContent;
  assert.equal(roundOf(turned), roundOf(content));
  const { vector, noise } = content;
  const changed = [
    { ...content, step: 4 },
    { ...content, closesAt: content.closesAt + 1 },
    { ...content, minMeters: 11 },
    { ...content, vector: { ...vector, clip: 0.999 } },
    { ...content, noise: { ...noise, variance: 1e9 + 0.5 } },
    trainingRound(21),
  ];
  assert.equal(new Set([content, ...changed].map(roundOf)).size, 7);
});

test("conforms to the vector of an id", () => {
  const fixed = loadRound(1_900_000, 1_900_004);
  assert.equal(canonicalCbor(fixed).toString("hex", 0, 8), "a961760164737465");
  assert.equal(roundOf(fixed), "91b144ee159ab1a7cd66d162880775fc");
});

test("refuses what is not signed by analytics, or signed for something else", () => {
  const signed = wire();
  refuses({ ...signed, content: { ...content, step: 4 } }, "malformed");
  refuses({ ...signed, round: roundOf({ ...content, step: 4 }), content: { ...content, step: 4 } }, "bad-signature");
  refuses(signAnnouncement(content, { id: "utility", signKey: others.privateKey }), "wrong-sender");
  refuses(signAnnouncement(content, { id: "analytics", signKey: others.privateKey }), "bad-signature");
  refuses(signAnnouncement(content, { id: "nobody", signKey: keys.privateKey }), "wrong-sender");
  refuses({ ...signed, signature: "AAAA" }, "malformed");
});

test("refuses what is no announcement", () => {
  const signed = wire();
  refuses(Buffer.from("{"), "malformed");
  refuses(Buffer.alloc(300_000), "wrong-length");
  refuses({ ...signed, more: 1 }, "malformed");
  refuses({ ...signed, content: { ...content, v: 2 } }, "malformed");
  let deep: unknown = {};
  for (let i = 0; i < 20_000; i++) deep = [deep];
  const { task } = content;
  assert.ok(task.type === "train");
  const model = { ...task.model, topology: { deep: "HERE" } };
  const nested = JSON.stringify({ ...signed, content: { ...content, task: { ...task, model } } }).replace(
    '"HERE"',
    `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  );
  refuses(Buffer.from(nested), "malformed");
  assert.equal(isJson(deep), false);
  assert.deepEqual(
    [{ a: "\ud800" }, { "\udfff": 1 }, { a: "\ud83d\ude00" }].map((one) => isJson(one)),
    [false, false, true],
  );
});

test("names what does not agree in a content", () => {
  const { vector, noise } = content;
  const load = loadRound(1_000, 1_096);
  const wrong: readonly (readonly [RoundContent, RegExp])[] = [
    [{ ...content, maxMeters: 9 }, /maxMeters|below minMeters/],
    [{ ...content, noise: { ...noise, colluders: 10 } }, /leave nobody/],
    [{ ...content, noise: { ...noise, mechanism: "none" } }, /is 0 without noise/],
    [{ ...content, noise: { ...noise, variance: 0 } }, /is 0 without noise/],
    [{ ...load, noise: { ...noise, mechanism: "none", variance: 0 } }, /a load is never opened without noise/],
    [{ ...content, vector: { ...vector, length: 21 } }, /the task has 20 coordinates/],
    [{ ...content, vector: { ...vector, lanes: 3 } }, /lanes \* laneBits exceeds 60/],
    [{ ...content, vector: { ...vector, bits: 15 } }, /scale \* clip exceeds 16383/],
    [{ ...content, vector: { ...vector, laneBits: 28 } }, /does not fit a lane/],
    [{ ...content, noise: { ...noise, variance: 1e16 } }, /does not fit a lane/],
    [loadRound(0, 40_000, { vector: { ...load.vector, length: 40_000, lanes: 1 } }), /more than the \d+ elements/],
  ];
  for (const [one, message] of wrong) assert.throws(() => signAnnouncement(one, analytics), message);
  const train = { ...content, noise: { mechanism: "none" as const, variance: 0, colluders: 0 } };
  assert.ok(roundContent.safeParse(train).success);
});

test("a histogram has one coordinate more than edges, which rise, and whole days", () => {
  const slots = { from: 960, to: 960 + 3 * 96 };
  const task = { type: "histogram", of: "day-energy", kind: 1, slots, daySlots: 96, edges: [1, 5, 9] } as const;
  const round = (changes: object): unknown => loadRound(0, 4, { task: { ...task, edges: [1, 5, 9], ...changes } });
  assert.ok(roundContent.safeParse(round({})).success);
  assert.match(String(roundContent.safeParse(round({ edges: [1, 5, 5] })).error), /edges rise/);
  assert.match(String(roundContent.safeParse(round({ edges: [1, 5] })).error), /the task has 3 coordinates/);
  const uneven = { slots: { from: 960, to: 970 } };
  assert.match(String(roundContent.safeParse(round(uneven)).error), /no whole number of days/);
  // A home has a number in its memory for each of them.
  const endless = { of: "slot-energy", slots: { from: 0, to: MAX_SLOT } };
  assert.match(String(roundContent.safeParse(round(endless)).error), /at most 2678400 slots/);
});

test("the reach of a sum holds its vectors and the tail of its noise", () => {
  assert.equal(reach({ ...content, noise: { ...content.noise, variance: 0 } }, 10), 320_000);
  const tail = reach(content, 9) - 9 * 32_000;
  const deviations = tail / Math.sqrt(1e9);
  assert.ok(deviations > 7.5 && deviations < 8.5, `${deviations} deviations`);
});

test("deterministic CBOR reads back, sorts keys by length first, and has one form for each number", () => {
  fc.assert(
    fc.property(
      fc.jsonValue().filter((value) => isJson(value)),
      (value) => {
        const json = JSON.parse(JSON.stringify(value)) as JsonValue;
        if (JSON.stringify(json).includes("__proto__")) return;
        assert.deepEqual(JSON.parse(JSON.stringify(decodeCbor(canonicalCbor(json)), numbers)), json);
      },
    ),
  );
  assert.equal(
    canonicalCbor({ bb: 1, a: -1, c: 1.5, d: 2 ** 40 }).toString("hex"),
    "a4616120" + "6163fb3ff8000000000000" + "61641b0000010000000000" + "62626201".replace("626262", "626262"),
  );
});

function numbers(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
