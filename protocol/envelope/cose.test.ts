import assert from "node:assert/strict";
import { createPrivateKey, sign, verify } from "node:crypto";
import { test } from "node:test";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { ProtocolError } from "../errors.ts";
import { publicKeyFromRaw } from "../keys/raw.ts";
import { openBytes, sealInto } from "./aead.ts";
import {
  decodeEncrypt0,
  decodeSign1,
  encodeEncrypt0,
  encodeHeaders,
  encodeSign1,
  encStructure,
  sigStructure,
} from "./cose.ts";

const hex = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value, "hex"));
const hexOf = (value: Uint8Array): string => Buffer.from(value).toString("hex");
const CONTENT = Buffer.from("This is the content.");
const NONE = new Uint8Array(0);

// Examples of the COSE working group (cose-wg/Examples), named by their file.
const CHACHA_ENC_01 =
  "d08344a1011818a1054c5c3a9950bd2852f66e6c8d4f5824ca119c45926da993d29b5d0cac9a84228c7668d492a1b9d7e32020ef21372e74def431b9";
const EDDSA_SIG_01 =
  "d28445a201270300a10442313154546869732069732074686520636f6e74656e742e58407142fd2ff96d56db85bee905a76ba1d0b7321a95c8c4d3607c5781932b7afb8711497dfa751bf40b58b3bcc32300b1487f3db34085eef013bf08f4a44d6fef0d";

test("COSE_Encrypt0 conforms to chacha-poly-enc-01", () => {
  const key = hex("0f1e2d3c4b5a69788796a5b4c3d2e1f01f2e3d4c5b6a798897a6b5c4d3e2f100");
  const message = decodeEncrypt0(hex(CHACHA_ENC_01));
  assert.deepEqual([...message.protectedHeaders], [[1, 24]]);
  const nonce = message.unprotected.get(5);
  assert.ok(nonce instanceof Uint8Array);
  const aad = encStructure(message.protectedBytes, NONE);
  assert.equal(hexOf(aad), "8368456e63727970743044a101181840");
  assert.deepEqual(Buffer.from(openBytes(key, nonce, aad, message.ciphertext)), CONTENT);

  const ciphertext = new Uint8Array(CONTENT.length + 16);
  const protectedBytes = encodeHeaders(new Map([[1, 24]]));
  sealInto(ciphertext, 0, key, nonce, encStructure(protectedBytes, NONE), CONTENT);
  assert.equal(hexOf(encodeEncrypt0(protectedBytes, new Map([[5, nonce]]), ciphertext)), CHACHA_ENC_01);
});

test("COSE_Sign1 conforms to eddsa-sig-01", () => {
  // The key of RFC 8032, section 7.1, test 1.
  const der = Buffer.concat([
    hex("302e020100300506032b657004220420"),
    hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
  ]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = publicKeyFromRaw(
    "Ed25519",
    hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
  );
  const message = decodeSign1(hex(EDDSA_SIG_01));
  const signed = sigStructure(message.protectedBytes, NONE, message.payload);
  assert.equal(hexOf(signed), "846a5369676e61747572653145a2012703004054546869732069732074686520636f6e74656e742e");
  assert.ok(verify(null, signed, publicKey, message.signature));

  const protectedBytes = encodeHeaders(
    new Map([
      [1, -8],
      [3, 0],
    ]),
  );
  const signature = sign(null, sigStructure(protectedBytes, NONE, CONTENT), key);
  const unprotected = new Map([[4, Buffer.from("11")]]);
  assert.equal(hexOf(encodeSign1(protectedBytes, unprotected, CONTENT, signature)), EDDSA_SIG_01);
});

test("Enc_structure binds external data as RFC 9052, section 5.3 says", () => {
  // enc-pass-02 with the context of COSE_Encrypt0
  const aad = encStructure(hex("a10101"), hex("0011bbcc22dd4455dd220099"));
  assert.equal(hexOf(aad), "8368456e63727970743043a101014c0011bbcc22dd4455dd220099");
});

test("HPKE of the library conforms to RFC 9180, appendix A.2.1", async () => {
  const suite = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Chacha20Poly1305(),
  });
  const recipientKey: unknown = await suite.kem.deserializePrivateKey(
    hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"),
  );
  const plaintext = await suite.open(
    {
      recipientKey: recipientKey as never,
      enc: hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"),
      info: hex("4f6465206f6e2061204772656369616e2055726e"),
    },
    hex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"),
    hex("436f756e742d30"),
  );
  assert.equal(Buffer.from(plaintext).toString(), "Beauty is truth, truth beauty");
});

test("refuses what is not the tagged message that is expected", () => {
  const wrong = {
    "another tag": `d2${CHACHA_ENC_01.slice(2)}`,
    "no tag": CHACHA_ENC_01.slice(2),
    "trailing bytes": `${CHACHA_ENC_01}00`,
    "an early end": CHACHA_ENC_01.slice(0, -2),
    "a part too many": `d084${CHACHA_ENC_01.slice(4)}00`,
    "an array for headers": "d0834080581000000000000000000000000000000000",
    "a text for ciphertext": "d08340a06161",
    "a protected header that is no map": "d0834101a04101",
    nothing: "",
  };
  for (const value of Object.values(wrong)) {
    assert.throws(
      () => decodeEncrypt0(hex(value)),
      (error) => error instanceof ProtocolError && error.code === "malformed",
    );
  }
});
