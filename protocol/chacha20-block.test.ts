import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { chacha20Block, chacha20KeyWords } from "./chacha20-block.ts";

function block(key: Uint8Array, counter: number, nonce: Uint8Array): string {
  const words = new Int32Array(16);
  const view = new DataView(nonce.buffer, nonce.byteOffset, 12);
  const [n0, n1, n2] = [0, 4, 8].map((at) => view.getUint32(at, true));
  chacha20Block(chacha20KeyWords(key), counter, n0!, n1!, n2!, words);
  const bytes = Buffer.alloc(64);
  for (const [index, word] of words.entries()) bytes.writeInt32LE(word, 4 * index);
  return bytes.toString("hex");
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const zeros = "00".repeat(32);

test("conforms to RFC 8439, section 2.3.2", () => {
  const key = Uint8Array.from({ length: 32 }, (_, index) => index);
  assert.equal(
    block(key, 1, hex("000000090000004a00000000")),
    "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e" +
      "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
  );
});

const APPENDIX_A1: readonly [key: string, nonce: string, counter: number, stream: string][] = [
  [
    zeros,
    "000000000000000000000000",
    0,
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7" +
      "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
  ],
  [
    zeros,
    "000000000000000000000000",
    1,
    "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed" +
      "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
  ],
  [
    `${"00".repeat(31)}01`,
    "000000000000000000000000",
    1,
    "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a" +
      "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0",
  ],
  [
    `00ff${"00".repeat(30)}`,
    "000000000000000000000000",
    2,
    "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca" +
      "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096",
  ],
  [
    zeros,
    "000000000000000000000002",
    0,
    "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7" +
      "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d",
  ],
];

for (const [index, [key, nonce, counter, stream]] of APPENDIX_A1.entries()) {
  test(`conforms to RFC 8439, appendix A.1, test vector ${index + 1}`, () => {
    assert.equal(block(hex(key), counter, hex(nonce)), stream);
  });
}

test("agrees with the ChaCha20 of OpenSSL on any input", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(bytes(32), fc.nat(0xffff_ffff), bytes(12), (key, counter, nonce) => {
      const iv = Buffer.alloc(16);
      iv.writeUInt32LE(counter);
      iv.set(nonce, 4);
      const expected = createCipheriv("chacha20", key, iv).update(Buffer.alloc(64)).toString("hex");
      assert.equal(block(key, counter, nonce), expected);
    }),
  );
});

test("refuses a key that has not 32 bytes", () => {
  assert.throws(() => chacha20KeyWords(new Uint8Array(31)), /RangeError: key: expected 32 bytes, got 31/);
});
