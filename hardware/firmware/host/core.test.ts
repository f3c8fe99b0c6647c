// needs: cc
/** The core's arithmetic and messages against RFC 8439, the vectors of protocol/ and its TypeScript, byte for byte. */
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { decode } from "cbor-x";
import fc from "fast-check";
import { z } from "zod";
import { createAckSealer, createShareOpener } from "../../../protocol/envelope/index.ts";
import { directionKey } from "../../../protocol/envelope/aead.ts";
import type { Ack } from "../../../protocol/envelope/index.ts";
import { polynomialOf } from "../../../protocol/prf.ts";
import { splitBatch } from "../../../protocol/shamir/split.ts";
import { hasNarrow, type Variant } from "./testing/build.ts";
import { Driver, hex, unhex } from "./testing/driver.ts";
import { poly1305 } from "./testing/poly1305.ts";

const VECTORS = new URL("../../../protocol/vectors/", import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, VECTORS), "utf8"));
const big = z.string().transform(BigInt);
const prfVector = z.object({
  ...{ key: z.string(), kind: z.int(), slot: z.int(), reading: big, t: z.int(), tag: z.string() },
});
const prf = z.object({ polynomials: z.array(prfVector.extend({ coefficients: z.array(big) })) }).parse(read("prf"));
const shamir = z
  .object({ splits: z.array(prfVector.extend({ n: z.int(), entries: z.array(z.string()) })) })
  .parse(read("shamir"));
const sealed = z.object({
  ...{ meter: z.string(), aggregator: z.int(), boot: z.int(), counter: z.int() },
  ...{ key: z.string(), nonce: z.string(), aad: z.string(), plaintext: z.string(), message: z.string() },
});
const envelope = z
  .object({
    shares: z.array(sealed.extend({ kind: z.int(), firstSlot: z.int() })),
    acks: z.array(
      sealed.extend({
        ...{ time: z.int(), highestBoot: z.int(), highestCounter: z.int(), challenge: z.string() },
        grantedBoot: z.int(),
        entries: z.array(z.object({ kind: z.int(), firstSlot: z.int(), count: z.int(), code: z.int() })),
      }),
    ),
  })
  .parse(read("envelope"));

const u64 = (value: bigint): string => value.toString(16).padStart(16, "0");
/** What the core takes: 3 coefficients at most do for t = 3. */
const MAX_T = 3;
const MAX_N = 5;

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const u32 = fc.oneof(
  fc.nat({ max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 23, 24, 255, 256, 65_535, 65_536, 0xffff_ffff),
);
const meter = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/).filter((id) => !/^(a-\d+|public|broker)$/.test(id));

const narrow = await hasNarrow();
const variants: Variant[] = ["plain", "sanitized", ...(narrow ? ["narrow" as const] : [])];
if (!narrow)
  void test("the core, 32-bit", { skip: "cc makes no 32-bit programs here (gcc-multilib)" }, () => undefined);

for (const variant of variants) {
  void describe(`the core, ${variant}`, () => {
    let driver: Driver;
    before(async () => {
      driver = await Driver.start(variant);
    });
    after(async () => {
      assert.deepEqual(await driver.stop(), { code: 0, complaint: "" });
    });

    void test("conforms to RFC 8439, 2.3.2: the block function", async () => {
      const given = "block 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 1 000000090000004a00000000";
      assert.equal(
        await driver.ask(given),
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e" +
          "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
      );
    });

    void test("conforms to RFC 8439, 2.8.2: the AEAD construction", async () => {
      const text = Buffer.from(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      );
      const args = [
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        "070000004041424344454647",
        "50515253c0c1c2c3c4c5c6c7",
      ].join(" ");
      const expected =
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b" +
        "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
        "3ff4def08e4b7a9de576d26586cec64b6116" +
        "1ae10b594f09e26a7e902ecbd0600691";
      assert.equal(await driver.ask(`seal ${args} ${hex(text)}`), expected);
      assert.equal(await driver.ask(`open ${args} ${expected}`), hex(text));
      for (const at of [0, 50, expected.length / 2 - 1]) {
        const wrong = unhex(expected);
        wrong[at]! ^= 1;
        assert.equal(await driver.ask(`open ${args} ${hex(wrong)}`), "refused");
      }
    });

    void test("seals as node:crypto does, at every length", async () => {
      const bytes = (max: number) => fc.uint8Array({ maxLength: max });
      await fc.assert(
        fc.asyncProperty(
          key,
          fc.uint8Array({ minLength: 12, maxLength: 12 }),
          bytes(120),
          bytes(300),
          async (k, n, a, x) => {
            const cipher = createCipheriv("chacha20-poly1305", k, n, { authTagLength: 16 });
            cipher.setAAD(a, { plaintextLength: x.length });
            const expected = Buffer.concat([cipher.update(x), cipher.final(), cipher.getAuthTag()]);
            assert.equal(await driver.ask(`seal ${hex(k)} ${hex(n)} ${hex(a)} ${hex(x)}`), hex(expected));
          },
        ),
        { numRuns: 300 },
      );
    });

    void test("authenticates as the formula of RFC 8439, 2.5 says, also where numbers wrap", async () => {
      // Bytes of only ones and zeros reach the edges of the modulus, which random ones never do.
      const edgy = fc.constantFrom(0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff);
      const bytes = (minLength: number, maxLength: number) =>
        fc.array(fc.oneof({ weight: 4, arbitrary: edgy }, fc.nat({ max: 255 })), { minLength, maxLength });
      await fc.assert(
        fc.asyncProperty(bytes(32, 32), bytes(0, 100), async (k, x) => {
          const padded = Buffer.concat([
            Uint8Array.from(x),
            Buffer.alloc((16 - (x.length % 16)) % 16),
            Buffer.alloc(16),
          ]);
          padded[padded.length - 8] = x.length;
          const expected = hex(poly1305(Uint8Array.from(k), padded));
          assert.equal(await driver.ask(`mac ${hex(Uint8Array.from(k))} ${hex(Uint8Array.from(x))}`), expected);
        }),
        { numRuns: 2000 },
      );
    });

    void test("conforms to the vectors of the polynomial PRF", async () => {
      const fitting = prf.polynomials.filter(({ t }) => t <= MAX_T);
      assert.ok(fitting.length > 20, "enough vectors are within the core's reach");
      for (const { key: k, kind, slot, reading, t, tag, coefficients } of fitting) {
        const answer = await driver.ask(`polynomial ${k} ${kind} ${slot} ${u64(reading)} ${t} 0`);
        assert.equal(answer, [tag, ...coefficients.map(u64)].join(" "));
      }
    });

    void test("conforms to the vectors of splitting", async () => {
      const fitting = shamir.splits.filter(({ t }) => t <= MAX_T);
      assert.ok(fitting.length > 10, "enough vectors are within the core's reach");
      for (const { key: k, kind, slot, reading, t, n, entries } of fitting) {
        const most = Math.min(n, MAX_N);
        const answer = await driver.ask(`polynomial ${k} ${kind} ${slot} ${u64(reading)} ${t} ${most}`);
        assert.deepEqual(answer.split(" ").slice(t), entries.slice(0, most));
      }
    });

    void test("splits as the agent does", async () => {
      const input = fc.record({
        ...{
          key,
          kind: fc.constantFrom(1, 2, 3, 4),
          slot: u32,
          reading: fc.maxSafeNat(),
          t: fc.integer({ min: 1, max: 3 }),
        },
        spare: fc.nat({ max: 2 }),
      });
      await fc.assert(
        fc.asyncProperty(input, async ({ key: k, kind, slot, reading, t, spare }) => {
          const n = Math.min(t + spare, MAX_N);
          const out = Array.from({ length: n }, () => new Uint8Array(16));
          splitBatch({ key: k, kind, firstSlot: slot, readings: [reading], n, t, out });
          const answer = await driver.ask(`polynomial ${hex(k)} ${kind} ${slot} ${u64(BigInt(reading))} ${t} ${n}`);
          assert.deepEqual(answer.split(" ").slice(t), out.map(hex));
        }),
        { numRuns: 300 },
      );
    });

    void test("skips p among the candidates of the PRF, wherever it stands", async () => {
      const P = "1fffffffffffffff";
      const little = (group: string): string => hex(unhex(group).reverse());
      const a = "0123456789abcdef";
      const b = "1ffffffffffffffe";
      // The top three bits are masked off: this is p, too.
      const masked = "ffffffffffffffff";
      assert.equal(await driver.ask(`take 2 2 ${P} ${a}`), `1 ${little(a)}`);
      assert.equal(await driver.ask(`take 3 4 ${a} ${masked} ${P} ${b}`), `2 ${little(a)} ${little(b)}`);
      assert.equal(await driver.ask(`take 3 3 ${P} ${P} ${a}`), `1 ${little(a)} 0000000000000000`);
      assert.equal(await driver.ask(`take 3 3 ${b} ${a} ${a}`), `2 ${little(b)} ${little(a)}`);
      assert.equal(await driver.ask(`take 1 1 ${a}`), "0");
    });

    void test("conforms to the vectors of share messages", async () => {
      let whole = 0;
      for (const vector of envelope.shares) {
        const {
          key: k,
          meter: name,
          aggregator,
          kind,
          firstSlot,
          boot,
          counter,
          nonce,
          aad,
          plaintext,
          message,
        } = vector;
        const cut = message.length - plaintext.length - 32;
        if (aad.length / 2 <= 255) {
          assert.equal(await driver.ask(`seal ${k} ${nonce} ${aad} ${plaintext}`), message.slice(cut));
        }
        if (plaintext.length !== 32) continue;
        whole++;
        const given = `share ${k} ${name} ${aggregator} ${kind} ${firstSlot} ${boot} ${counter} ${plaintext}`;
        assert.equal(await driver.ask(given), message);
      }
      assert.ok(whole > 0);
    });

    void test("writes share messages that protocol/ opens, in the form of RFC 9052", async () => {
      const input = fc.record({
        ...{ root: key, meter, aggregator: fc.integer({ min: 1, max: 5 }), kind: fc.constantFrom(1, 2, 3, 4) },
        ...{ slot: u32, boot: u32, counter: u32, entry: fc.uint8Array({ minLength: 16, maxLength: 16 }) },
      });
      await fc.assert(
        fc.asyncProperty(input, async ({ root, meter: name, aggregator, kind, slot, boot, counter, entry }) => {
          const k = hex(directionKey(root, "wv/1/share"));
          const given = `share ${k} ${name} ${aggregator} ${kind} ${slot} ${boot} ${counter} ${hex(entry)}`;
          const message = unhex(await driver.ask(given));
          const opened = createShareOpener(root, name, aggregator).open(message);
          assert.deepEqual(
            { ...opened, entries: hex(opened.entries) },
            {
              ...{ kind: kind, firstSlot: slot, number: { boot, counter }, bits: 0, entries: hex(entry) },
            },
          );
          assert.throws(() => createShareOpener(root, `${name.slice(0, -1)}~`, aggregator), "the topic is bound");
          const cose = decode(message) as { tag: number; value: unknown[] };
          assert.equal(cose.tag, 16);
          assert.equal(cose.value.length, 3);
          assert.deepEqual(Object.keys(decode(cose.value[0] as Uint8Array) as object), ["1", "s"]);
        }),
        { numRuns: 200 },
      );
    });

    void test("conforms to the vectors of acks", async () => {
      for (const vector of envelope.acks) {
        const answer = await driver.ask(`ack ${vector.key} ${vector.meter} ${vector.aggregator} ${vector.message}`);
        const { boot, counter, time, highestBoot, highestCounter, challenge, grantedBoot, entries } = vector;
        const expected = [0, boot, counter, time, highestBoot, highestCounter, challenge === "" ? "-" : challenge];
        const listed = entries.map(({ kind, firstSlot, count, code }) => `${kind}:${firstSlot}:${count}:${code}`);
        assert.equal(answer, [...expected, grantedBoot, ...listed].join(" "));
      }
    });

    void test("opens every ack that an aggregator seals", async () => {
      await fc.assert(
        fc.asyncProperty(key, meter, fc.integer({ min: 1, max: 5 }), ackOf(), async (root, name, aggregator, ack) => {
          const message = createAckSealer(root, name, aggregator).seal({ boot: 3, counter: 9 }, ack);
          if (message.length > 196) return;
          const k = hex(directionKey(root, "wv/1/ack"));
          const answer = await driver.ask(`ack ${k} ${name} ${aggregator} ${hex(message)}`);
          const { time, highest, entries, hello } = ack;
          const listed = entries.map(({ kind, firstSlot, count, code }) => `${kind}:${firstSlot}:${count}:${code}`);
          const answered = hello === undefined ? ["-", 0] : [hex(hello.challenge), hello.boot];
          assert.equal(answer, [0, 3, 9, time, highest.boot, highest.counter, ...answered, ...listed].join(" "));
          const other = aggregator === 1 ? 2 : 1;
          assert.equal(await driver.ask(`ack ${k} ${name} ${other} ${hex(message)}`), "11", "the topic is bound");
        }),
        { numRuns: 300 },
      );
    });

    void test("counts energy exactly at any rate of pulses", async () => {
      const wh = (pulses: number, perKwh: number) => Number(((BigInt(pulses) * 1000n) / BigInt(perKwh)) & 0xffff_ffffn);
      const rate = fc.oneof(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.constantFrom(1, 2, 3, 500, 800, 1000, 10_000, 1_000_000),
      );
      await fc.assert(
        fc.asyncProperty(u32, rate, async (pulses, perKwh) => {
          assert.equal(await driver.ask(`energy ${pulses} ${perKwh}`), String(wh(pulses, perKwh)));
        }),
        { numRuns: 1000 },
      );
    });
  });
}

void test("the reference of the authenticator conforms to RFC 8439, 2.5.2", () => {
  const k = unhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b");
  assert.equal(hex(poly1305(k, Buffer.from("Cryptographic Forum Research Group"))), "a8061dc1305136c6c22b8baf0c0127a9");
});

void test("the reference polynomial is the protocol's", () => {
  const { key: k, kind, slot, reading, t, tag } = prf.polynomials[2]!;
  assert.equal(hex(polynomialOf({ key: unhex(k), kind, slot, reading, t }).tag), tag);
});

function ackOf(): fc.Arbitrary<Ack> {
  const entry = fc
    .record({ kind: fc.constantFrom(1, 2, 3, 4), firstSlot: u32, count: u32, code: fc.constantFrom(0, 1, 2, 3, 4, 5) })
    .filter(({ firstSlot, count }) => count > 0 && firstSlot + count - 1 <= 0xffff_ffff) as fc.Arbitrary<
    Ack["entries"][number]
  >;
  const digest = fc.record({
    series: fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/),
    firstSlot: u32,
    code: fc.constantFrom(0 as const, 1 as const, 2 as const, 3 as const),
  });
  return fc
    .record({
      ...{ time: u32, highest: fc.record({ boot: u32, counter: u32 }), entries: fc.array(entry, { maxLength: 10 }) },
      hello: fc.option(fc.record({ challenge: fc.uint8Array({ minLength: 16, maxLength: 16 }), boot: u32 })),
      digests: fc.array(digest, { maxLength: 2 }),
    })
    .map(({ hello, digests, ...rest }) => ({
      ...rest,
      ...(hello === null ? {} : { hello }),
      ...(digests.length === 0 ? {} : { digests }),
    }));
}
