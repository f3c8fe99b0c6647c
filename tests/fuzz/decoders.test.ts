/**
 * Every decoder of what others send or write: damaged and meaningless inputs are refused with an error of the kind that
 * its callers count, and in bounded time; none ends the process, and none is mistaken for a fault of our own.
 *
 * 400 inputs for each decoder, the same in every run; `WATTVEIL_FUZZ_INPUTS=20000 npm test -- tests/fuzz` for more.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { parseTariffYaml } from "../../billing/tariffs/index.ts";
import { yamlLayer } from "../../config/layers.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { decodeEncrypt0, decodeSign1 } from "../../protocol/envelope/cose.ts";
import {
  ChunkAssembler,
  CONTEXT,
  createAckOpener,
  createAckSealer,
  createDigestOpener,
  createDigestSealer,
  createShareOpener,
  createShareSealer,
  createUpdateOpener,
  createUpdateSealer,
  openClock,
  sealClock,
  sign1,
  splitChunks,
} from "../../protocol/envelope/index.ts";
import { fullBitmap } from "../../protocol/bitmap.ts";
import { decodeEntry, encodeEntry } from "../../protocol/log/entry.ts";
import { parseCheckpoint, signCheckpoint } from "../../protocol/log/checkpoint.ts";
import { formatKey, NOTE_TYPE, noteKey, parseKey, parseNote } from "../../protocol/log/note.ts";
import { formatPolicy, parsePolicy } from "../../protocol/log/policy.ts";
import { formatReceipt, parseBill, parseReceipt } from "../../protocol/log/receipt.ts";
import { parseWitnessRequest } from "../../protocol/log/witness-request.ts";
import { openRecord } from "../../protocol/membership.ts";
import { packedBytes } from "../../protocol/shamir/vector-shares.ts";
import { parseTopic } from "../../protocol/topics.ts";
import { KINDS } from "../../protocol/units.ts";
import { inputs } from "./testing/mutations.ts";

const COUNT = Number(process.env["WATTVEIL_FUZZ_INPUTS"] ?? 400);
/** One input takes a thousandth of it; a machine may be busy. */
const MOST_MILLISECONDS = 2_000;

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const rootKey = new Uint8Array(32).fill(7);
const round = "00112233445566778899aabbccddeeff";
const { publicKey, privateKey: signKey } = generateKeyPairSync("ed25519");
const parties = {
  simulation: true,
  servers: new Map([
    ["authority", { role: "authority" as const, signKey: publicKey }],
    ["simulator", { role: "simulator" as const, signKey: publicKey }],
  ]),
};
const authority = { id: "authority", signKey };

const record = encodeCbor({ meter: "m-001", serial: 1, keyVersion: 1, places: [{ feeder: "f-1", from: 1, to: null }] });
const digest = { series: "load", firstSlot: 1000, slots: 96, presence: fullBitmap(96), digest: new Uint8Array(32) };
const acknowledged = {
  time: 1_737_504_000,
  highest: { boot: 3, counter: 7 },
  entries: [{ kind: 1, firstSlot: 1, count: 4, code: 0 as const }],
};
const log = { name: "wattveil.example/log", signKey };
const note = signCheckpoint({ size: 12, root: new Uint8Array(32) }, log);
const logKey = noteKey(log.name, NOTE_TYPE.signature, publicKey);
const bill = JSON.stringify({
  ...{ meterId: "m-001", periodStart: "2025-01-15", periodEnd: "2025-01-16", version: 1, status: "final" },
  ...{ currency: "EUR", energyWh: 500, amountMicro: 1, spareAnswers: null, tariff: "ab", slotSeconds: 900 },
  rows: [{ band: "peak", energyWh: 500, amountMicro: 1 }],
  gaps: [{ kind: "import", from: 0, to: 900, reason: "missing" }],
  late: [],
});
const receipt = formatReceipt({ bill, tariff: "a", salt: new Uint8Array(16), entry: new Uint8Array(40), proof: "x" });
const tariff = readFileSync(new URL("../../config/tariffs/tiered.yaml", import.meta.url), "utf8");
const entry = encodeEntry(1_737_504_000, { type: "bill", commitment: new Uint8Array(32) });

interface Decoder {
  readonly name: string;
  readonly valid: readonly Uint8Array[];
  readonly decode: (bytes: Uint8Array) => unknown;
}

const text = (decode: (text: string) => unknown) => (bytes: Uint8Array) => decode(Buffer.from(bytes).toString("utf8"));

const DECODERS: readonly Decoder[] = [
  {
    name: "CBOR",
    valid: [record, encodeCbor([1, "a", { b: new Uint8Array(3), c: [null, true, -5] }])],
    decode: decodeCbor,
  },
  {
    name: "COSE_Encrypt0",
    valid: [createShareSealer(rootKey, "m-001", 2).seal(KINDS.import, 1, { boot: 1, counter: 1 }, new Uint8Array(32))],
    decode: decodeEncrypt0,
  },
  { name: "COSE_Sign1", valid: [sign1(record, authority, CONTEXT.member)], decode: decodeSign1 },
  {
    name: "a share message",
    valid: [createShareSealer(rootKey, "m-001", 2).seal(KINDS.import, 1, { boot: 1, counter: 1 }, new Uint8Array(32))],
    decode: (bytes) => createShareOpener(rootKey, "m-001", 2).open(bytes),
  },
  {
    name: "an acknowledgement",
    valid: [createAckSealer(rootKey, "m-001", 2).seal({ boot: 4, counter: 0 }, acknowledged)],
    decode: (bytes) => createAckOpener(rootKey, "m-001", 2).open(bytes),
  },
  {
    name: "a digest",
    valid: [createDigestSealer(rootKey, "m-001", 2).seal(digest)],
    decode: (bytes) => createDigestOpener(rootKey, "m-001", 2).open(bytes),
  },
  {
    name: "an update",
    valid: [
      createUpdateSealer(rootKey, "m-001", 2).seal(round, {
        tag: new Uint8Array(8),
        elements: 3,
        share: { packed: new Uint8Array(packedBytes(3)) },
      }),
    ],
    decode: (bytes) => createUpdateOpener(rootKey, "m-001", 2).open(round, bytes),
  },
  {
    name: "a chunk",
    valid: splitChunks(new Uint8Array(500)),
    decode: (bytes) => new ChunkAssembler(() => 0).add("a-1", bytes),
  },
  {
    name: "the simulated clock",
    valid: [sealClock({ time: 5, sequence: 1 }, { id: "simulator", signKey })],
    decode: (bytes) => openClock(bytes, parties),
  },
  {
    name: "a signed record",
    valid: [sign1(record, authority, CONTEXT.member)],
    decode: (bytes) => openRecord(bytes, parties),
  },
  {
    name: "a record of any content, rightly signed",
    valid: [record],
    decode: (bytes) => openRecord(sign1(bytes, authority, CONTEXT.member), parties),
  },
  { name: "an entry of the log", valid: [entry], decode: decodeEntry },
  { name: "a topic", valid: ["wv/1/m/m-001/share/1", "wv/1/pub/grid/state"].map(bytesOf), decode: text(parseTopic) },
  { name: "a note", valid: [bytesOf(note)], decode: text(parseNote) },
  { name: "a checkpoint", valid: [bytesOf(parseNote(note).text)], decode: text(parseCheckpoint) },
  { name: "a key of a log", valid: [bytesOf(formatKey(logKey))], decode: text(parseKey) },
  {
    name: "a policy",
    valid: [bytesOf(formatPolicy({ log: logKey, witnesses: [], quorum: 0 }))],
    decode: text(parsePolicy),
  },
  {
    name: "a request to a witness",
    valid: [bytesOf(`old 4\n${Buffer.alloc(32).toString("base64")}\n\n${note}`)],
    decode: text(parseWitnessRequest),
  },
  {
    name: "a receipt",
    valid: [bytesOf(receipt)],
    decode: text(parseReceipt),
  },
  {
    name: "a bill",
    valid: [bytesOf(bill)],
    decode: text(parseBill),
  },
  { name: "a tariff", valid: [bytesOf(tariff)], decode: text((yaml) => parseTariffYaml(yaml, "tariff.yaml")) },
  {
    name: "a configuration",
    valid: [bytesOf("profile: demo\nbroker:\n  tlsPort: 8883\n  otherNodes: [a, b]\n")],
    decode: text((yaml) => yamlLayer(yaml, "file", "own.yaml")),
  },
];

/** Errors that say whose fault it was; any other is a fault of ours. */
const EXPECTED = new Set(["ProtocolError", "LogError", "TariffError", "ConfigError"]);

describe(`${DECODERS.length} decoders, ${COUNT} inputs each`, () => {
  for (const [seed, { name, valid, decode }] of DECODERS.entries()) {
    test(name, () => {
      // What is damaged below is right before.
      for (const bytes of valid) assert.doesNotThrow(() => decode(bytes));
      for (const bytes of inputs(valid, seed + 1, COUNT)) {
        const began = performance.now();
        let fault: unknown;
        try {
          decode(bytes);
        } catch (error) {
          fault = error;
        }
        const hex = Buffer.from(bytes).toString("hex");
        assert.ok(performance.now() - began < MOST_MILLISECONDS, `took ${performance.now() - began} ms: ${hex}`);
        const kind = fault instanceof Error ? fault.name : String(fault);
        assert.ok(fault === undefined || EXPECTED.has(kind), `${String(fault)} for ${hex}`);
      }
    });
  }
});
