/**
 * Known answers and laws of everything the protocol computes with, on the machine at hand: a processor, a runtime or a
 * build that gets one of them wrong must not touch a reading. Needs no keys, opens no file, keeps nothing.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { nonceOf, openBytes, sealInto, TAG_BYTES } from "./envelope/aead.ts";
import { hpkeOpen, hpkeSeal } from "./envelope/hpke.ts";
import { ProtocolError } from "./errors.ts";
import { add, FIELD_PRIME, inverse, multiply, negate, power, subtract } from "./field.ts";
import { addBatch, multiplyBatch } from "./field-words.ts";
import { rawPublicKey } from "./keys/index.ts";
import { merkleRoot } from "./log/merkle.ts";
import { ShareTotals } from "./shamir/add.ts";
import { interpolateBatch } from "./shamir/interpolate.ts";
import { ENTRY_BYTES } from "./shamir/share-entries.ts";
import { splitBatch } from "./shamir/split.ts";

export interface SelfTestResult {
  readonly name: string;
  readonly passed: boolean;
  /** What was found, where something was wrong. */
  readonly detail: string;
}

interface SelfTest {
  readonly name: string;
  /** Throws with what is wrong. */
  readonly run: () => void | Promise<void>;
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

function expectHex(actual: Uint8Array, expected: string, what: string): void {
  const hex = Buffer.from(actual).toString("hex");
  if (hex !== expected) throw new Error(`${what}: expected ${expected}, got ${hex}`);
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

/** Elements near every border of the number formats that the field is computed with. */
const ELEMENTS = [0n, 1n, 2n, 0xffff_ffffn, 2n ** 32n, 2n ** 53n - 1n, 2n ** 60n, FIELD_PRIME - 2n, FIELD_PRIME - 1n];

function fieldLaws(): void {
  for (const a of ELEMENTS) {
    expect(add(a, negate(a)) === 0n, `${a} and its negative do not add up to 0`);
    if (a !== 0n) expect(multiply(a, inverse(a)) === 1n, `${a} times its inverse is not 1`);
    expect(power(a, FIELD_PRIME) === a, `${a} to the power of p is not itself`);
    for (const b of ELEMENTS) {
      expect(add(a, b) === (a + b) % FIELD_PRIME, `${a} + ${b}`);
      expect(subtract(add(a, b), b) === a, `${a} + ${b} - ${b}`);
      expect(multiply(a, b) === (a * b) % FIELD_PRIME, `${a} * ${b}`);
      for (const c of ELEMENTS) {
        const distributed = add(multiply(a, b), multiply(a, c));
        expect(multiply(a, add(b, c)) === distributed, `${a} * (${b} + ${c}) is not distributed`);
      }
    }
  }
}

function fieldWords(): void {
  const pairs = ELEMENTS.flatMap((a) => ELEMENTS.map((b) => [a, b] as const));
  const left = BigUint64Array.from(pairs.map(([a]) => a));
  const right = BigUint64Array.from(pairs.map(([, b]) => b));
  const out = new BigUint64Array(pairs.length);
  addBatch(left, right, out);
  for (const [index, [a, b]] of pairs.entries()) expect(out[index] === add(a, b), `${a} + ${b}, in a batch`);
  multiplyBatch(left, right, out);
  for (const [index, [a, b]] of pairs.entries()) expect(out[index] === multiply(a, b), `${a} * ${b}, in a batch`);
}

/** protocol/vectors/shamir.json, its splits with n = 2 and n = 3. */
const SPLITS = [
  {
    key: "ae4b9d5b90e2aa73d81e716962723a409974c4e564249fa41b5a4a636c6f80ab",
    firstSlot: 1_900_022,
    reading: 36_770,
    entries: ["0f127e1904ef4d2da691c93aafc7b190", "1e24fc3209de0ab8a691c93aafc7b190"],
  },
  {
    key: "647788eb7778ab4ebb57d6faa003bb0e4cbe5cb81957ab26119d2c4d0a30858f",
    firstSlot: 1_900_032,
    reading: 59_170,
    shares: [556_299_225_045_010_777n, 1_112_598_450_089_962_384n, 1_668_897_675_134_913_991n],
  },
] as const;

function sharingVectors(): void {
  for (const vector of SPLITS) {
    const n = "entries" in vector ? vector.entries.length : vector.shares.length;
    const out = Array.from({ length: n }, () => new Uint8Array(ENTRY_BYTES));
    const { firstSlot, reading } = vector;
    splitBatch({ key: hex(vector.key), kind: 1, firstSlot, readings: [reading], n, t: 2, out });
    for (const [index, entry] of out.entries()) {
      const what = `share ${index + 1} of slot ${firstSlot}`;
      if ("entries" in vector) expectHex(entry, vector.entries[index]!, what);
      else expect(new DataView(entry.buffer).getBigUint64(0) === vector.shares[index], what);
    }
  }
}

/** Split, added up by each aggregator, interpolated from any t of them: the sum of the readings comes out. */
function sharingRoundTrip(): void {
  const n = 5;
  const meters = [3, 5, 7].map((factor, index) => ({
    key: new Uint8Array(32).fill(index + 1),
    readings: Array.from({ length: 96 }, (_, slot) => (factor * slot * slot) % 4_001),
  }));
  const sums = meters[0]!.readings.map((_, slot) => meters.reduce((sum, { readings }) => sum + readings[slot]!, 0));
  for (const t of [1, 2, 3, 5]) {
    const totals = Array.from({ length: n }, () => new ShareTotals(96));
    for (const { key, readings } of meters) {
      const out = Array.from({ length: n }, () => new Uint8Array(96 * ENTRY_BYTES));
      splitBatch({ key, kind: 1, firstSlot: 1_900_800, readings, n, t, out });
      for (const [index, entries] of out.entries()) totals[index]!.add(entries);
    }
    for (const from of [0, n - t]) {
      const xs = Array.from({ length: t }, (_, index) => from + index + 1);
      const { values } = interpolateBatch(
        xs,
        xs.map((x) => totals[x - 1]!.toBytes()),
        t,
      );
      for (const [slot, sum] of sums.entries()) {
        expect(values[slot] === BigInt(sum), `t = ${t}, aggregators ${xs.join(", ")}, slot ${slot}: not the sum`);
      }
    }
  }
}

/** RFC 8439, section 2.8.2. */
const AEAD = {
  key: hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
  nonce: hex("070000004041424344454647"),
  aad: hex("50515253c0c1c2c3c4c5c6c7"),
  plaintext: Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ),
  tag: "1ae10b594f09e26a7e902ecbd0600691",
  start: "d31a8d34648e60db7b86afbc53ef7ec2",
};

function aead(): void {
  const { key, nonce, aad, plaintext, tag, start } = AEAD;
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
  sealInto(sealed, 0, key, nonce, aad, plaintext);
  expectHex(sealed.subarray(0, 16), start, "ciphertext");
  expectHex(sealed.subarray(plaintext.length), tag, "tag");
  expect(Buffer.from(openBytes(key, nonce, aad, sealed)).equals(plaintext), "the sealed text does not open again");
  sealed[5]! ^= 1;
  expect(
    refuses(() => openBytes(key, nonceOf({ boot: 0, counter: 0 }), aad, sealed)),
    "an altered text opens",
  );
}

async function hpke(): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  const text = Buffer.from("sealed to one recipient");
  const sealed = await hpkeSeal(text, "a-1", "utility", rawPublicKey(publicKey));
  const { from, plaintext } = await hpkeOpen(sealed, "utility", privateKey);
  expect(from === "a-1" && Buffer.from(plaintext).equals(text), "the sealed text does not open again");
  const stranger = generateKeyPairSync("x25519").privateKey;
  const opened = await hpkeOpen(sealed, "utility", stranger).then(
    () => true,
    (error: unknown) => !(error instanceof ProtocolError),
  );
  expect(!opened, "another key opens the sealed text");
}

/** RFC 8032, section 7.1, test 2; as PKCS#8 and SPKI (RFC 8410). */
function ed25519(): void {
  const seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
  const point = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
  const signature =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
  const der = { format: "der" } as const;
  const privateKey = createPrivateKey({
    key: Buffer.from(`302e020100300506032b657004220420${seed}`, "hex"),
    ...der,
    type: "pkcs8",
  });
  const publicKey = createPublicKey({
    key: Buffer.from(`302a300506032b6570032100${point}`, "hex"),
    ...der,
    type: "spki",
  });
  const message = hex("72");
  expectHex(sign(null, message, privateKey), signature, "signature");
  expect(verify(null, message, publicKey, hex(signature)), "the signature does not verify");
  expect(!verify(null, hex("73"), publicKey, hex(signature)), "the signature verifies for another message");
}

/** The 8 leaves and the root that implementations of RFC 6962 test each other with. */
function merkle(): void {
  const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
  const root = merkleRoot(leaves.map((leaf) => hex(leaf)));
  expectHex(root, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328", "root");
  const empty = createHash("sha256").digest();
  expect(empty.equals(merkleRoot([])), "the root of no leaves is not the hash of nothing");
}

function refuses(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch (error) {
    return error instanceof ProtocolError;
  }
}

/** All self-tests, in the order of the ladder: field, shares, envelopes, signatures, hashes. */
export const SELF_TESTS: readonly SelfTest[] = [
  { name: "laws of the field GF(2^61 - 1)", run: fieldLaws },
  { name: "the field in batches of words", run: fieldWords },
  { name: "shares of known readings", run: sharingVectors },
  { name: "split, add, interpolate", run: sharingRoundTrip },
  { name: "ChaCha20-Poly1305 (RFC 8439)", run: aead },
  { name: "HPKE round trip (RFC 9180)", run: hpke },
  { name: "Ed25519 (RFC 8032)", run: ed25519 },
  { name: "SHA-256 Merkle root (RFC 6962)", run: merkle },
];

/** Runs them all; a failure is a result, not an exception. */
export async function runSelfTests(tests: readonly SelfTest[] = SELF_TESTS): Promise<SelfTestResult[]> {
  const results: SelfTestResult[] = [];
  for (const { name, run } of tests) {
    try {
      await run();
      results.push({ name, passed: true, detail: "" });
    } catch (error) {
      results.push({ name, passed: false, detail: error instanceof Error ? error.message : String(error) });
    }
  }
  return results;
}
