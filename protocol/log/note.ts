/**
 * Signed notes (c2sp.org/signed-note): text that one or more Ed25519 keys have signed, as a log signs its checkpoints
 * (type 1) and as a witness cosigns them with the time at which it did (type 4, c2sp.org/tlog-cosignature).
 */
import { createHash, type KeyObject, sign, verify } from "node:crypto";
import { publicKeyFromRaw, RAW_KEY_BYTES, rawPublicKey } from "../keys/raw.ts";
import { decodeBase64 } from "./base64.ts";
import { LogError } from "./errors.ts";
import { sameBytes } from "./proofs.ts";

/** Signature types of the specification that this system uses. */
export const NOTE_TYPE = { signature: 1, cosignature: 4 } as const;
export type NoteType = (typeof NOTE_TYPE)[keyof typeof NOTE_TYPE];

/** A key that notes are verified with. */
export interface NoteKey {
  readonly name: string;
  readonly type: NoteType;
  /** First four bytes of the hash of name, type and key. */
  readonly id: Uint8Array;
  /** 32 raw bytes. */
  readonly raw: Uint8Array;
  readonly key: KeyObject;
}

export interface NoteSigner {
  readonly name: string;
  /** Ed25519 private key. */
  readonly signKey: KeyObject;
}

export interface NoteSignature {
  readonly name: string;
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface Note {
  /** What is signed, with its final newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
const TIME_BYTES = 8;
const MAX_NOTE_CHARACTERS = 65_536;
const MAX_SIGNATURES = 64;
const NAME = /^[^\s+\p{Cc}]{1,255}$/u;
const SIGNATURE_LINE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u;
// The note's own newlines aside, no control characters.
const CONTROLS = /(?!\n)\p{Cc}/u;

/** The key of a name, from its raw public half or a parsed key. Throws RangeError for a name that notes cannot bear. */
export function noteKey(name: string, type: NoteType, publicKey: KeyObject | Uint8Array): NoteKey {
  if (!NAME.test(name)) throw new RangeError(`name: expected text without spaces and '+', got "${name}"`);
  const raw = publicKey instanceof Uint8Array ? Uint8Array.from(publicKey) : rawPublicKey(publicKey);
  const key = publicKeyFromRaw("Ed25519", raw);
  const id = createHash("sha256").update(`${name}\n`).update(Uint8Array.of(type)).update(raw).digest();
  return { name, type, id: Uint8Array.from(id.subarray(0, ID_BYTES)), raw, key };
}

/** `name+id+key`, as keys are handed on: a vkey. */
export function formatKey({ name, type, id, raw }: NoteKey): string {
  const material = Buffer.concat([Uint8Array.of(type), raw]).toString("base64");
  return `${name}+${Buffer.from(id).toString("hex")}+${material}`;
}

/** Reads a vkey. Throws LogError `malformed`. */
export function parseKey(text: string): NoteKey {
  const refuse = (why: string): never => {
    throw new LogError("malformed", `a key is name+id+key with an Ed25519 key of type 1 or 4: ${why}`);
  };
  const [, name = "", hex = "", base64 = ""] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u.exec(text) ?? [];
  if (name === "") refuse(`got "${text.slice(0, 200)}"`);
  if (!NAME.test(name)) refuse("the name is too long, or holds control characters");
  const material = decodeBase64(base64) ?? refuse("it is no base64");
  const type = Object.values(NOTE_TYPE).find((known) => known === material[0]);
  if (type === undefined || material.length !== 1 + RAW_KEY_BYTES) return refuse(`that of ${name} is another one`);
  const key = noteKey(name, type, material.subarray(1));
  if (Buffer.from(key.id).toString("hex") !== hex) refuse(`the id of ${name} is not that of its key`);
  return key;
}

/** Reads a note; nothing in it is to be believed before `verifyNote`. Throws LogError `malformed`. */
export function parseNote(note: string): Note {
  const refuse = (why: string): never => {
    throw new LogError("malformed", `a signed note: ${why}`);
  };
  if (note.length > MAX_NOTE_CHARACTERS) refuse(`expected at most ${MAX_NOTE_CHARACTERS} characters`);
  if (CONTROLS.test(note) || !isWellFormed(note)) refuse("it has characters that a note cannot have");
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n")) refuse("expected text, an empty line and signatures, each line with its end");
  const lines = note.slice(end + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) refuse(`expected at most ${MAX_SIGNATURES} signatures`);
  return { text: note.slice(0, end + 1), signatures: lines.map((line) => parseSignature(line)) };
}

/** Reads a signature's line, without its newline. Throws LogError `malformed`. */
export function parseSignature(line: string): NoteSignature {
  const [, name = "", base64 = ""] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = base64 === "" ? undefined : decodeBase64(base64);
  if (bytes === undefined || bytes.length <= ID_BYTES) {
    throw new LogError("malformed", "a signature's line is a dash, the key's name, and id and signature in base64");
  }
  return { name, id: bytes.subarray(0, ID_BYTES), bytes: bytes.subarray(ID_BYTES) };
}

export function formatNote({ text, signatures }: Note): string {
  return `${text}\n${signatures.map((one) => `${formatSignature(one)}\n`).join("")}`;
}

export function formatSignature({ name, id, bytes }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([id, bytes]).toString("base64")}`;
}

/** Signs a text that ends with a newline. */
export function signNote(text: string, { name, signKey }: NoteSigner): NoteSignature {
  const id = idOf(name, NOTE_TYPE.signature, signKey);
  return { name, id, bytes: sign(null, Buffer.from(assertText(text)), signKey) };
}

/** Cosigns a text as of `time`, in Unix seconds. */
export function cosignNote(text: string, { name, signKey }: NoteSigner, time: number): NoteSignature {
  if (!Number.isSafeInteger(time) || time < 0) throw new RangeError(`time: expected whole Unix seconds, got ${time}`);
  const id = idOf(name, NOTE_TYPE.cosignature, signKey);
  const bytes = Buffer.alloc(TIME_BYTES + SIGNATURE_BYTES);
  bytes.writeBigUInt64BE(BigInt(time));
  bytes.set(sign(null, cosigned(assertText(text), time), signKey), TIME_BYTES);
  return { name, id, bytes };
}

export interface VerifiedSignature {
  readonly key: NoteKey;
  /** Unix seconds; of cosignatures only. */
  readonly time: number | undefined;
}

/**
 * Those of `keys` that have signed the note, each once. Signatures by others are ignored, as the specification wants it;
 * one that claims to be by one of these and is not fails the whole note. Throws LogError `bad-signature`.
 */
export function verifyNote({ text, signatures }: Note, keys: readonly NoteKey[]): VerifiedSignature[] {
  const found = new Map<NoteKey, VerifiedSignature>();
  for (const { name, id, bytes } of signatures) {
    const key = keys.find((known) => known.name === name && sameBytes(known.id, id));
    if (key === undefined) continue;
    const time = key.type === NOTE_TYPE.cosignature ? timeOf(bytes) : undefined;
    const signature = time === undefined ? bytes : bytes.subarray(TIME_BYTES);
    const message = time === undefined ? Buffer.from(text) : cosigned(text, time);
    if (signature.length !== SIGNATURE_BYTES || !verify(null, message, key.key, signature)) {
      throw new LogError("bad-signature", `the signature of ${name} does not hold`);
    }
    if (!found.has(key)) found.set(key, { key, time });
  }
  return [...found.values()];
}

/** A log signs its head with every append: exporting its key each time would cost more than the signature. */
const ids = new WeakMap<KeyObject, Map<string, Uint8Array>>();

function idOf(name: string, type: NoteType, signKey: KeyObject): Uint8Array {
  const known = ids.get(signKey) ?? new Map<string, Uint8Array>();
  ids.set(signKey, known);
  const id = known.get(`${type} ${name}`) ?? noteKey(name, type, rawPublicKey(signKey)).id;
  known.set(`${type} ${name}`, id);
  return id;
}

function timeOf(bytes: Uint8Array): number {
  if (bytes.length < TIME_BYTES) return 0;
  return Number(Buffer.from(bytes).readBigUInt64BE());
}

function cosigned(text: string, time: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);
}

function assertText(text: string): string {
  if (!text.endsWith("\n") || CONTROLS.test(text) || !isWellFormed(text)) {
    throw new RangeError("text: expected lines that end with a newline, without control characters");
  }
  return text;
}

/** A lone surrogate has no UTF-8 of its own. */
function isWellFormed(text: string): boolean {
  return Buffer.from(text).toString() === text;
}
