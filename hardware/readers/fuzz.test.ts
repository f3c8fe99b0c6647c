/**
 * Every reader under `INPUTS` disturbed inputs: none may throw, hang, keep more than its bound, or give a value under a
 * valid checksum that no intact telegram had. A 16-bit checksum passes one disturbance in 65,536 by chance: a telegram
 * that differs is accepted only when an independent computation says that its checksum holds indeed.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { D0Reader } from "./d0.ts";
import { P1Reader } from "./p1.ts";
import type { MeterReader, Telegram } from "./reader.ts";
import { SmlReader } from "./sml.ts";
import { D0_VARIANTS, d0Telegram } from "./testing/d0-telegrams.ts";
import { EXAMPLE_STATE, type MeterState } from "./testing/meter-state.ts";
import { chunks, disturbed, noise, randomSource } from "./testing/mutations.ts";
import { encryptP1, P1_VARIANTS, p1Telegram, WITHOUT_CRC } from "./testing/p1-telegrams.ts";
import { slowArc } from "./testing/slow-crc.ts";
import { SML_VARIANTS, smlTelegram } from "./testing/sml-telegrams.ts";

const INPUTS = 20_000;
const NOW = EXAMPLE_STATE;
const LATER: MeterState = {
  ...NOW,
  time: NOW.time + 10,
  importWh: NOW.importWh.map((energy) => energy + 1),
  powerW: 321,
};
const KEY = Buffer.alloc(16, 0x5a);

interface Subject {
  readonly name: string;
  readonly reader: () => MeterReader;
  /** Every variant's telegram of a state; `number` counts the telegrams that a meter sends. */
  readonly telegrams: (state: MeterState, number: number) => readonly Uint8Array[];
  /** Bytes that begin, end or escape. */
  readonly framing: Uint8Array;
  /** Whether, by an independent computation, a checksum holds in these bytes that no intact telegram has. */
  readonly collides: (input: Buffer) => boolean;
  /** Most telegrams that may be accepted although they differ; none where the checksum decides. */
  readonly passed: number;
  /** Of the two intact telegrams behind each disturbance, the least part that has to be read. */
  readonly recovered: number;
}

const SUBJECTS: readonly Subject[] = [
  {
    name: "P1",
    reader: () => new P1Reader(),
    telegrams: (state) =>
      P1_VARIANTS.filter((variant) => !WITHOUT_CRC.includes(variant)).map((variant) => p1Telegram(variant, state)),
    framing: Buffer.from("/!\r\n()*.0-\xdb\x08", "latin1"),
    collides: p1Collides,
    passed: 4,
    recovered: 1,
  },
  {
    name: "encrypted P1",
    reader: () => new P1Reader({ keys: { decryption: KEY } }),
    telegrams: (state, frameCounter) => [encryptP1(p1Telegram("luxembourg", state), { key: KEY, frameCounter })],
    framing: Buffer.from("\xdb\x08\x82\x30/!", "latin1"),
    collides: () => false,
    passed: 0,
    recovered: 1,
  },
  {
    name: "SML",
    reader: () => new SmlReader(),
    telegrams: (state) =>
      SML_VARIANTS.map((variant) => smlTelegram(variant, state, { opaque: Buffer.from("1b1b1b1b1b", "hex") })),
    framing: Buffer.from("1b1b011a76770701", "hex"),
    collides: () => false, // two checksums, one inside the other
    passed: 0,
    recovered: 0.99, // a telegram that is cut within an escape takes the next one with it
  },
];

for (const { name, reader, telegrams, framing, collides, passed, recovered } of SUBJECTS) {
  test(`${name}: ${INPUTS} disturbed inputs, nothing false under a valid checksum`, (t) => {
    const random = randomSource(20_260_115);
    const [disturbedOnes, next, last] = [telegrams(NOW, 1), telegrams(LATER, 2), telegrams(LATER, 3)];
    const truth = essences(reader, disturbedOnes);
    const follower = essences(reader, next);
    let [chance, followed] = [0, 0];
    for (let number = 0; number < INPUTS; number++) {
      const subject = reader();
      const at = random(next.length);
      const input = random(5) === 0 ? noise(random, framing) : disturbed(disturbedOnes[at]!, random);
      const stream = Buffer.concat([input, next[at]!, last[at]!]);
      const events = [...chunks(stream, random).flatMap((chunk) => subject.push(chunk)), ...subject.end()];
      const found = valid(events).map(essence);
      followed += found.filter((one) => follower.has(one)).length;
      if (found.every((one) => truth.has(one) || follower.has(one))) continue;
      assert.ok(collides(stream), `input ${number}: ${found.join(" ")}`);
      chance++;
    }
    t.diagnostic(`${followed} of ${2 * INPUTS} telegrams behind a disturbance were read, ${chance} collisions`);
    assert.ok(chance <= passed, `${chance} collisions`);
    assert.ok(followed >= recovered * 2 * INPUTS, `${followed} of ${2 * INPUTS} telegrams were read`);
  });
}

test(`D0: ${INPUTS} disturbed inputs; a check of seven bits passes few, and no register out of shape`, (t) => {
  const random = randomSource(7);
  const [before, after] = [NOW, LATER].map((state) => D0_VARIANTS.map((variant) => d0Telegram(variant, state)));
  const truth = essences(() => new D0Reader(), before!);
  const follower = essences(() => new D0Reader(), after!);
  const framing = Buffer.from("/!\r\n\x02\x03\x06\x15()*", "latin1");
  let [falseOnes, followed] = [0, 0];
  for (let number = 0; number < INPUTS; number++) {
    const subject = new D0Reader();
    const at = random(D0_VARIANTS.length);
    const input = random(5) === 0 ? noise(random, framing) : disturbed(before![at]!, random);
    const stream = Buffer.concat([before![at]!, input, after![at]!, after![at]!]);
    const events = [...chunks(stream, random).flatMap((chunk) => subject.push(chunk)), ...subject.end()];
    const found = valid(events).map(essence);
    followed += found.filter((one) => follower.has(one)).length;
    falseOnes += found.filter((one) => !truth.has(one) && !follower.has(one)).length;
  }
  t.diagnostic(`${followed} of ${2 * INPUTS} readouts behind a disturbance were read, ${falseOnes} false ones`);
  assert.ok(falseOnes < INPUTS / 500, `${falseOnes} false readouts`);
  assert.ok(followed >= 1.8 * INPUTS, `${followed} of ${2 * INPUTS} readouts were read`);
});

test("a line of noise for an hour keeps no reader busy and no event without a bound", () => {
  const random = randomSource(3);
  for (const reader of [new P1Reader(), new P1Reader({ keys: { decryption: KEY } }), new SmlReader(), new D0Reader()]) {
    let events = 0;
    let bytes = 0;
    for (let number = 0; number < 5000; number++) {
      const block = noise(random, Buffer.from("/!\xdb\x08\x1b\x01\x02\x03\r\n", "latin1"));
      bytes += block.length;
      events += reader.push(block).length;
    }
    assert.ok(events < bytes, "no more than one event for each byte");
  }
});

/** What a household would be billed by, and see. */
function essence({ registers, powerW, time, meterId }: Telegram): string {
  return JSON.stringify([registers, powerW, time, meterId]);
}

function essences(reader: () => MeterReader, telegrams: readonly Uint8Array[]): Set<string> {
  const found = telegrams.flatMap((bytes) => valid(reader().push(bytes)).map(essence));
  assert.equal(found.length, telegrams.length);
  return new Set(found);
}

function valid(events: ReturnType<MeterReader["push"]>): Telegram[] {
  return events.filter((event) => event.type === "telegram" && event.check === "valid") as Telegram[];
}

/** Whether some `/` to `!` in `input` has a checksum behind it that holds. */
function p1Collides(input: Buffer): boolean {
  const text = input.toString("latin1");
  return [...text.matchAll(/\/[^/!]*!([0-9a-fA-F]{1,4})/g)].some(
    (match) =>
      Number.parseInt(match[1]!, 16) === slowArc(Buffer.from(match[0].slice(0, match[0].indexOf("!") + 1), "latin1")),
  );
}
