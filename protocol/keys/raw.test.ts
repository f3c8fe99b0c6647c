import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { publicKeyFromRaw, rawPrivateKey, rawPublicKey } from "./raw.ts";

const START = fileURLToPath(new URL("../../config/runtime/start.mjs", import.meta.url));

/** RFC 8032, 7.1, test 1. */
const ED25519 = {
  private: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
  public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
};
/** RFC 9180, A.2.1, the recipient. */
const X25519 = {
  private: "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
  public: "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
};

function privateKey(identifier: string, raw: string) {
  const der = Buffer.from(`302e020100300506032b65${identifier}04220420${raw}`, "hex");
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("raw halves are those of RFC 8032 and RFC 9180, from either key object", () => {
  for (const [identifier, curve, vector] of [
    ["70", "Ed25519", ED25519],
    ["6e", "X25519", X25519],
  ] as const) {
    const key = privateKey(identifier, vector.private);
    assert.equal(hexOf(rawPrivateKey(key)), vector.private);
    assert.equal(hexOf(rawPublicKey(key)), vector.public);
    assert.equal(hexOf(rawPublicKey(createPublicKey(key))), vector.public);
    const read = publicKeyFromRaw(curve, Buffer.from(vector.public, "hex"));
    assert.equal(hexOf(rawPublicKey(read)), vector.public);
  }
});

test("other keys, and public ones where a private one is needed, are refused by name", () => {
  const { publicKey, privateKey: own } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  assert.throws(() => rawPublicKey(publicKey), /^RangeError: key: expected one of Ed25519 or X25519, got ec$/);
  assert.throws(() => rawPrivateKey(own), /^RangeError: key: expected one of Ed25519 or X25519, got ec$/);
  const ed25519 = generateKeyPairSync("ed25519");
  assert.throws(() => rawPrivateKey(ed25519.publicKey), /^RangeError: key: expected a private key, got a public one$/);
  assert.throws(() => publicKeyFromRaw("X25519", new Uint8Array(31)), /raw: expected 32 bytes, got 31/);
});

test("thousands of keys can be made and sealed to, however often garbage is collected", () => {
  // Small spaces are collected a thousand times as often. A process that stands still is ended.
  const args = ["--max-semi-space-size=1", START, "protocol/keys/testing/many-keys-main.ts", "8000"];
  const { stdout, stderr, signal } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 120_000 });
  assert.equal(signal, null, "it stood still");
  assert.equal(stdout, "8000\n", stderr);
});
