import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { openCheckpoint, parseCheckpoint, signCheckpoint } from "./checkpoint.ts";
import { LogError } from "./errors.ts";
import {
  cosignNote,
  formatKey,
  formatNote,
  formatSignature,
  NOTE_TYPE,
  noteKey,
  parseKey,
  parseNote,
  parseSignature,
  signNote,
  verifyNote,
} from "./note.ts";
import { formatPolicy, parsePolicy } from "./policy.ts";
import { PlainTree } from "./testing/plain-tree.ts";

/** The example in the documentation of Go's sumdb/note. */
const NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;

const signer = (name: string) => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { name, signKey: privateKey, publicKey };
};
const LOG = signer("log.example/one");
const LOG_KEY = noteKey(LOG.name, NOTE_TYPE.signature, LOG.publicKey);
const WITNESSES = ["w1", "w2", "w3"].map((name) => signer(`witness.example/${name}`));
const WITNESS_KEYS = WITNESSES.map(({ name, publicKey }) => noteKey(name, NOTE_TYPE.cosignature, publicKey));
const tree = PlainTree.of(5);
const checkpoint = (root = tree.root()) => signCheckpoint({ size: 5, root }, LOG);

function cosigned(note: string, by: readonly number[]): string {
  const { text, signatures } = parseNote(note);
  const more = by.map((i) => cosignNote(text, WITNESSES[i]!, 1_700_000_000 + i));
  return formatNote({ text, signatures: [...signatures, ...more] });
}

test("conforms to the note of Go's documentation", () => {
  const key = parseKey(NEUMANN);
  assert.equal(formatKey(key), NEUMANN);
  const note = parseNote(NOTE);
  assert.deepEqual(verifyNote(note, [key]), [{ key, time: undefined }]);
  assert.equal(formatNote(note), NOTE);
  assert.throws(() => verifyNote(parseNote(NOTE.replace("answer", "Answer")), [key]), { code: "bad-signature" });
});

test("reads the cosignature of the specification's example", () => {
  const line =
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";
  const signature = parseSignature(line);
  assert.equal(Buffer.from(signature.id).toString("hex"), "8d66cf3f");
  assert.equal(Buffer.from(signature.bytes).readBigUInt64BE(), 1_679_315_147n);
  assert.equal(formatSignature(signature), line);
});

test("a checkpoint is believed by the log's key and k of n witnesses", () => {
  const note = cosigned(checkpoint(), [2, 0]);
  const policy = { log: LOG_KEY, witnesses: WITNESS_KEYS, quorum: 2 };
  const opened = openCheckpoint(note, policy);
  assert.deepEqual(
    { origin: opened.origin, size: opened.size, cosigned: opened.cosigned },
    {
      origin: LOG.name,
      size: 5,
      cosigned: [
        { name: "witness.example/w3", time: 1_700_000_002 },
        { name: "witness.example/w1", time: 1_700_000_000 },
      ],
    },
  );
  assert.throws(() => openCheckpoint(note, { ...policy, quorum: 3 }), { code: "too-few-witnesses" });
  assert.equal(openCheckpoint(checkpoint(), { ...policy, quorum: 0 }).cosigned.length, 0);
});

test("one witness that signs twice is one witness, and a stranger is none", () => {
  const policy = { log: LOG_KEY, witnesses: WITNESS_KEYS.slice(0, 2), quorum: 2 };
  assert.throws(() => openCheckpoint(cosigned(checkpoint(), [0, 0, 2]), policy), {
    code: "too-few-witnesses",
    message: /1 of the 2 .* \(witness\.example\/w1\)/,
  });
});

test("refuses a checkpoint of another log, by another key, or changed in any way", () => {
  const policy = { log: LOG_KEY, witnesses: WITNESS_KEYS, quorum: 0 };
  const code = (note: string): string => {
    try {
      openCheckpoint(note, policy);
      return "none";
    } catch (error) {
      assert.ok(error instanceof LogError, String(error));
      return error.code;
    }
  };
  const other = signer(LOG.name);
  assert.equal(code(signCheckpoint({ size: 5, root: tree.root() }, other)), "unknown-key");
  assert.equal(
    code(signCheckpoint({ size: 5, root: tree.root() }, { ...LOG, name: "log.example/two" })),
    "wrong-origin",
  );
  assert.equal(code(checkpoint().replace("\n5\n", "\n6\n")), "bad-signature");
  assert.equal(code(cosigned(checkpoint(), [1]).replace("\n5\n", "\n4\n")), "bad-signature");
  // A cosignature's time is signed, too.
  const [, , , , , line] = cosigned(checkpoint(), [1]).split("\n");
  const { name, id, bytes } = parseSignature(line!);
  const later = Uint8Array.from(bytes);
  later[7] = later[7]! ^ 1;
  assert.equal(code(`${checkpoint()}${formatSignature({ name, id, bytes: later })}\n`), "bad-signature");
});

test("refuses what is no note, signature, key or checkpoint", () => {
  const notes = ["", "text\n", "text\n\n", `${NOTE}x`, NOTE.replace("— ", "- "), NOTE.replace("think", "th\tink")];
  for (const note of [...notes, NOTE.replace("JnAM=", "JnAN="), NOTE.replace("problem,", "\ud800")]) {
    assert.throws(() => parseNote(note), { name: "LogError", code: "malformed" }, JSON.stringify(note));
  }
  const keys = ["", "x", NEUMANN.replace("c7", "c8"), NEUMANN.replace("+AR", "+BR"), `${NEUMANN}AA`];
  for (const key of keys) assert.throws(() => parseKey(key), { name: "LogError", code: "malformed" }, key);
  const root = Buffer.from(tree.root()).toString("base64");
  const texts = [`o\n5\n${root}`, `o\n05\n${root}\n`, `o\n-1\n${root}\n`, `\n5\n${root}\n`, `o\n5\nAAAA\n`];
  for (const text of [...texts, `o\n5\n${root}\n\n`, `o\n99999999999999999\n${root}\n`]) {
    assert.throws(() => parseCheckpoint(text), { name: "LogError", code: "malformed" }, JSON.stringify(text));
  }
  assert.equal(parseCheckpoint(`o\n0\n${root}\nextension\n`).size, 0);
  assert.throws(() => noteKey("a name", 1, LOG.publicKey), /RangeError: name/);
  assert.throws(() => signNote("no newline", LOG), /RangeError: text/);
  assert.throws(() => cosignNote("a\n", LOG, 1.5), /RangeError: time/);
});

test("a policy reads as it was written", () => {
  for (const quorum of [0, 1, 3]) {
    const policy = { log: LOG_KEY, witnesses: WITNESS_KEYS, quorum };
    const read = parsePolicy(`# whom we believe\n\n${formatPolicy(policy)}`);
    assert.equal(formatPolicy(read), formatPolicy(policy));
    assert.equal(read.quorum, quorum);
  }
  assert.deepEqual(parsePolicy(formatKey(LOG_KEY)).quorum, 0);
  const [one = "", two = ""] = WITNESS_KEYS.map(formatKey);
  const lines = [`log ${formatKey(LOG_KEY)}`, `witness a ${one}`, `witness b ${two}`];
  assert.equal(parsePolicy([...lines, "quorum b"].join("\n")).witnesses[0]?.name, "witness.example/w2");
  assert.equal(parsePolicy([...lines, "group g all a b", "quorum g"].join("\n")).quorum, 2);
});

test("refuses a policy that is not one, naming the line", () => {
  const log = `log ${formatKey(LOG_KEY)}`;
  const [one = "", two = ""] = WITNESS_KEYS.map(formatKey);
  const bad: [string[], RegExp][] = [
    [[], /names no log/],
    [[log, log], /line 2: there is a second log/],
    [[log, `witness a ${one}`, `witness b ${one}`], /line 3: this witness's key is there already/],
    [[log, `witness a ${one}`, `witness a ${two}`], /line 3: the name a is taken/],
    [[log, `witness a ${formatKey(LOG_KEY)}`], /line 2: the key of .* has type 1, expected 4/],
    [[log, `witness a ${one}`, "group g 2 a", "quorum g"], /line 3: expected all, any or 1 to 1, got 2/],
    [[log, "quorum g"], /line 2: g is unknown/],
    [[log, "group g all b"], /line 2: there is no witness b/],
    [[log, "quorum none", "quorum none"], /line 3: there is a second quorum/],
    [[log, "witnesses 2"], /line 2: expected log, witness, group or quorum/],
  ];
  for (const [lines, message] of bad) {
    assert.throws(() => parsePolicy(lines.join("\n")), { name: "LogError", code: "malformed", message });
  }
});
