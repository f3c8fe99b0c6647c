/** Makes keys and seals with keys made for the purpose, thousands of times: `many-keys-main.ts <times>`. */
import { generateKeyPairSync } from "node:crypto";
import { hpkeSeal } from "../../envelope/hpke.ts";
import { rawPrivateKey, rawPublicKey } from "../raw.ts";

const times = Number(process.argv[2]);
const text = new Uint8Array(64);
for (let i = 0; i < times; i++) {
  const { privateKey } = i % 2 === 0 ? generateKeyPairSync("x25519") : generateKeyPairSync("ed25519");
  rawPrivateKey(privateKey);
  rawPublicKey(privateKey);
}
const recipient = rawPublicKey(generateKeyPairSync("x25519").publicKey);
for (let i = 0; i < times / 4; i++) await hpkeSeal(text, "a-1", "utility", recipient);
console.log(times);
