import assert from "node:assert/strict";
import { createPrivateKey, type webcrypto } from "node:crypto";
import { test } from "node:test";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { NodeChacha20Poly1305, NodeHkdf, NodeX25519Kem } from "./hpke-native.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const kem = new NodeX25519Kem();
const suite = new CipherSuite({ kem, kdf: new NodeHkdf(), aead: new NodeChacha20Poly1305() });
const library = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Chacha20Poly1305(),
});

/** RFC 9180, A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base mode, sequence number 0. */
const A2 = {
  info: "4f6465206f6e2061204772656369616e2055726e",
  skEm: "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600",
  pkEm: "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
  skRm: "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
  pkRm: "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
  sharedSecret: "0bbe78490412b4bbea4812666f7916932b828bba79942424abb65244930d69a7",
  aad: "436f756e742d30",
  pt: "4265617574792069732074727574682c20747275746820626561757479",
  ct: "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
};

/** The library names a global type that node's types lack. */
function asKey(key: unknown): webcrypto.CryptoKey {
  return key as webcrypto.CryptoKey;
}

function privateKey(raw: string) {
  const der = Buffer.from(`302e020100300506032b656e04220420${raw}`, "hex");
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

test("conforms to RFC 9180, test vector A.2.1", async () => {
  const recipientPublicKey = kem.publicKey(hex(A2.pkRm));
  const { enc, sharedSecret } = await kem.encap({ recipientPublicKey, ekm: hex(A2.skEm).buffer });
  assert.equal(Buffer.from(enc).toString("hex"), A2.pkEm);
  assert.equal(Buffer.from(sharedSecret).toString("hex"), A2.sharedSecret);
  const sealed = await suite.seal(
    { recipientPublicKey, info: hex(A2.info), ekm: hex(A2.skEm).buffer },
    hex(A2.pt),
    hex(A2.aad),
  );
  assert.equal(Buffer.from(sealed.ct).toString("hex"), A2.ct);
  const recipientKey = kem.privateKey(privateKey(A2.skRm));
  const opened = await suite.open({ recipientKey, enc: hex(A2.pkEm), info: hex(A2.info) }, hex(A2.ct), hex(A2.aad));
  assert.equal(Buffer.from(opened).toString("hex"), A2.pt);
});

test("opens what the library's own parts seal, and the reverse", async () => {
  const info = Buffer.from("wv/1 utility a-1");
  const aad = Buffer.from("headers");
  const text = Buffer.alloc(10_000, 7);
  const theirs = {
    publicKey: asKey(await library.kem.deserializePublicKey(hex(A2.pkRm).buffer)),
    privateKey: asKey(await library.kem.deserializePrivateKey(hex(A2.skRm).buffer)),
  };
  const fromLibrary = await library.seal({ recipientPublicKey: theirs.publicKey, info }, text, aad);
  const recipientKey = kem.privateKey(privateKey(A2.skRm));
  assert.deepEqual(
    Buffer.from(await suite.open({ recipientKey, enc: fromLibrary.enc, info }, fromLibrary.ct, aad)),
    text,
  );
  const ours = await suite.seal({ recipientPublicKey: kem.publicKey(hex(A2.pkRm)), info }, text, aad);
  const opened = await library.open({ recipientKey: theirs.privateKey, enc: ours.enc, info }, ours.ct, aad);
  assert.deepEqual(Buffer.from(opened), text);
});

test("refuses a changed byte, a message shorter than its tag, and a public key of low order", async () => {
  const recipientKey = kem.privateKey(privateKey(A2.skRm));
  const info = hex(A2.info);
  const changed = hex(A2.ct);
  changed[3]! ^= 1;
  await assert.rejects(suite.open({ recipientKey, enc: hex(A2.pkEm), info }, changed, hex(A2.aad)));
  await assert.rejects(suite.open({ recipientKey, enc: hex(A2.pkEm), info }, changed.subarray(0, 15), hex(A2.aad)));
  await assert.rejects(suite.open({ recipientKey, enc: new Uint8Array(32), info }, hex(A2.ct), hex(A2.aad)));
  await assert.rejects(suite.seal({ recipientPublicKey: kem.publicKey(new Uint8Array(32)), info }, hex(A2.pt)));
});
