/**
 * Checkpoints (c2sp.org/tlog-checkpoint): what a log says it holds, as a signed note, and the policy by which somebody
 * believes it: the log's key, and how many of which witnesses must have cosigned.
 */
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { LogError } from "./errors.ts";
import { HASH_BYTES } from "./merkle.ts";
import { formatNote, type NoteKey, type NoteSigner, parseNote, signNote, verifyNote } from "./note.ts";

export interface Checkpoint {
  /** Which log this is about. */
  readonly origin: string;
  /** Entries in it. */
  readonly size: number;
  readonly root: Uint8Array;
}

/** Whom to believe, and how many witnesses (k) of these must have seen the same. */
export interface LogPolicy {
  readonly log: NoteKey;
  readonly witnesses: readonly NoteKey[];
  readonly quorum: number;
}

export interface Cosigned {
  readonly name: string;
  /** Unix seconds, by the witness's clock. */
  readonly time: number;
}

export interface OpenedCheckpoint extends Checkpoint {
  /** What is signed. */
  readonly text: string;
  /** Witnesses of the policy that cosigned. */
  readonly cosigned: readonly Cosigned[];
}

/** The text that is signed. */
function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/** Signs a checkpoint as its log, whose origin is the signer's name. */
export function signCheckpoint({ size, root }: Omit<Checkpoint, "origin">, log: NoteSigner): string {
  const text = checkpointText({ origin: log.name, size, root });
  return formatNote({ text, signatures: [signNote(text, log)] });
}

/** Reads a checkpoint's text. Extension lines are allowed and mean nothing. Throws LogError `malformed`. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", sizeText = "", rootText = "", ...rest] = text.split("\n");
  const size = parseSize(sizeText);
  const root = decodeBase64(rootText);
  const complete = rest.at(-1) === "" && rest.slice(0, -1).every((line) => line !== "");
  if (origin === "" || size === undefined || root?.length !== HASH_BYTES || !complete) {
    throw new LogError("malformed", "a checkpoint is three lines: origin, size, and the root in base64");
  }
  return { origin, size, root };
}

/** A size as it is written in checkpoints, proofs and requests; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const size = Number(text);
  return Number.isSafeInteger(size) ? size : undefined;
}

/**
 * Reads a checkpoint and believes it by a policy. Throws LogError: `malformed`; `wrong-origin` for another log's;
 * `unknown-key` where this log's key has not signed it; `bad-signature`; `too-few-witnesses`.
 */
export function openCheckpoint(note: string, { log, witnesses, quorum }: LogPolicy): OpenedCheckpoint {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  if (checkpoint.origin !== log.name) {
    throw new LogError("wrong-origin", `this checkpoint is of the log ${checkpoint.origin}, not of ${log.name}`);
  }
  const verified = verifyNote(parsed, [log, ...witnesses]);
  if (!verified.some(({ key }) => key === log)) {
    throw new LogError("unknown-key", `the checkpoint of ${log.name} is not signed with the key that is known for it`);
  }
  const cosigned = verified.flatMap(({ key, time }): Cosigned[] =>
    key === log || time === undefined ? [] : [{ name: key.name, time }],
  );
  if (cosigned.length < quorum) {
    const names = cosigned.map(({ name }) => name).join(", ") || "none";
    throw new LogError(
      "too-few-witnesses",
      `${cosigned.length} of the ${quorum} witnesses that are needed have seen this checkpoint (${names})`,
    );
  }
  return { ...checkpoint, text: parsed.text, cosigned };
}
