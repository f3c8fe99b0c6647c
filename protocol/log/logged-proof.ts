/**
 * A proof that an entry is in a log, as text (c2sp.org/tlog-proof): index, hashes and the checkpoint that they lead to.
 * Whoever has it, the entry and the keys needs nobody else.
 */
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { type LogPolicy, openCheckpoint, type OpenedCheckpoint, parseSize } from "./checkpoint.ts";
import { LogError } from "./errors.ts";
import { HASH_BYTES, leafHash } from "./merkle.ts";
import { MAX_PROOF_HASHES, verifyInclusion } from "./proofs.ts";

const HEAD = "c2sp.org/tlog-proof@v1";

export interface LoggedProof {
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note. */
  readonly checkpoint: string;
}

export function formatProof({ index, hashes, checkpoint }: LoggedProof): string {
  return [HEAD, `index ${index}`, ...hashes.map(encodeBase64), "", checkpoint].join("\n");
}

/** Reads a proof; `extra` data is skipped. Throws LogError `malformed`. */
export function parseProof(text: string): LoggedProof {
  const refuse = (why: string): never => {
    throw new LogError("malformed", `a proof of logging: ${why}`);
  };
  const end = text.indexOf("\n\n");
  if (end < 0) refuse("expected an empty line before the checkpoint");
  const [head, ...lines] = text.slice(0, end).split("\n");
  if (head !== HEAD) refuse(`expected ${HEAD} in its first line`);
  if (lines[0]?.startsWith("extra ") === true) lines.shift();
  const [, number = ""] = /^index (.+)$/.exec(lines.shift() ?? "") ?? [];
  const index = parseSize(number) ?? refuse("expected a line with the index");
  if (lines.length > MAX_PROOF_HASHES) refuse("it has too many hashes");
  const hashes = lines.map((line) => {
    const hash = decodeBase64(line);
    return hash?.length === HASH_BYTES ? hash : refuse("expected hashes of 32 bytes in base64");
  });
  return { index, hashes, checkpoint: text.slice(end + 2) };
}

/** Verifies that `entry` is in the log. Throws LogError as `openCheckpoint` does, and `bad-inclusion`. */
export function verifyLogged(
  entry: Uint8Array,
  { index, hashes, checkpoint }: LoggedProof,
  policy: LogPolicy,
): OpenedCheckpoint {
  const opened = openCheckpoint(checkpoint, policy);
  verifyInclusion({ index, size: opened.size, leaf: leafHash(entry), proof: hashes, root: opened.root });
  return opened;
}
