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
import { EXAMPLE_STATE } from "./testing/meter-state.ts";
import { chunks, disturbed, noise, randomSource } from "./testing/mutations.ts";
import { encryptP1, P1_VARIANTS, p1Telegram, WITHOUT_CRC } from "./testing/p1-telegrams.ts";
import { slowArc } from "./testing/slow-crc.ts";
import { SML_VARIANTS, smlTelegram } from "./testing/sml-telegrams.ts";

const INPUTS = 20_000;
const NOW = EXAMPLE_STATE;
const KEY = Buffer.alloc(16, 0x5a);

interface Subject {
  readonly name: string;
  readonly reader: () => MeterReader;
  readonly intact: readonly Uint8Array[];
  /** Bytes that begin, end or escape. */
  readonly framing: Uint8Array;
  /** Whether a telegram that no intact one equals has, by an independent computation, a valid checksum in these bytes. */
  readonly collides: (input: Buffer) => boolean;
  /** Most telegrams that may be accepted although they differ; none where the checksum decides. */
  readonly passed: number;
  /** Intact telegrams, of the two behind each disturbance, that are read at least on average. */
  readonly follows: number;
}

const SUBJECTS: readonly Subject[] = [
  {
    name: "P1",
    reader: () => new P1Reader(),
    intact: P1_VARIANTS.filter((variant) => !WITHOUT_CRC.includes(variant)).map((variant) => p1Telegram(variant, NOW)),
    framing: Buffer.from("/!\r\n()*.0-\xdb\x08", "latin1"),
    collides: p1Collides,
    passed: 4,
    follows: 2,
  },
  {
    name: "encrypted P1",
    reader: () => new P1Reader({ keys: { decryption: KEY } }),
    intact: [1, 2, 3].map((frameCounter) => encryptP1(p1Telegram("luxembourg", NOW), { key: KEY, frameCounter })),
    framing: Buffer.from("\xdb\x08\x82\x30/!", "latin1"),
    collides: () => false,
    passed: 0,
    follows: 1, // the second one repeats the counter of the first
  },
  {
    name: "SML",
    reader: () => new SmlReader(),
    intact: SML_VARIANTS.map((variant) => smlTelegram(variant, NOW, { opaque: Buffer.from("1b1b1b1b1b", "hex") })),
    framing: Buffer.from("1b1b011a76770701", "hex"),
    collides: () => false, // two checksums, one inside the other
    passed: 0,
    follows: 1.9, // a start that is cut off takes the next one with it
  },
];

for (const { name, reader, intact, framing, collides, passed, follows } of SUBJECTS) {
  test(`${name}: ${INPUTS} disturbed inputs, nothing false under a valid checksum`, () => {
    const random = randomSource(20_260_115);
    const truths = new Set(intact.flatMap((bytes) => valid(reader().push(bytes)).map(essence)));
    assert.ok(truths.size > 0);
    let chance = 0;
    let accepted = 0;
    for (let number = 0; number < INPUTS; number++) {
      const subject = reader();
      const one = intact[random(intact.length)]!;
      const input = random(5) === 0 ? noise(random, framing) : disturbed(one, random);
      // What follows a disturbance has to be read again.
      const stream = Buffer.concat([input, one, one]);
      const events = [...chunks(stream, random).flatMap((chunk) => subject.push(chunk)), ...subject.end()];
      const telegrams = valid(events);
      accepted += telegrams.length;
      const false_ = telegrams.filter((telegram) => !truths.has(essence(telegram)));
      if (false_.length > 0) {
        assert.ok(collides(stream), `input ${number}: ${JSON.stringify(false_[0]?.registers)}`);
        chance += 1;
      }
    }
    assert.ok(chance <= passed, `${chance} collisions`);
    assert.ok(accepted >= follows * INPUTS, "after most disturbances the next telegram is read");
  });
}

test(`D0: ${INPUTS} disturbed inputs; a check of seven bits passes few, and no register out of shape`, () => {
  const random = randomSource(7);
  const intact = D0_VARIANTS.map((variant) => d0Telegram(variant, NOW));
  const truths = new Set(intact.flatMap((bytes) => valid(new D0Reader().push(bytes)).map(essence)));
  let falseOnes = 0;
  let accepted = 0;
  for (let number = 0; number < INPUTS; number++) {
    const subject = new D0Reader();
    const one = intact[random(intact.length)]!;
    const input =
      random(5) === 0 ? noise(random, Buffer.from("/!\r\n\x02\x03\x06\x15()*", "latin1")) : disturbed(one, random);
    const stream = Buffer.concat([one, input, one, one]);
    const events = [...chunks(stream, random).flatMap((chunk) => subject.push(chunk)), ...subject.end()];
    const telegrams = valid(events);
    accepted += telegrams.length;
    falseOnes += telegrams.filter((telegram) => !truths.has(essence(telegram))).length;
  }
  assert.ok(falseOnes < INPUTS / 500, `${falseOnes} false readouts`);
  assert.ok(accepted > 2 * INPUTS);
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
