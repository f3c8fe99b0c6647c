/** What a log asks of a witness (c2sp.org/tlog-witness): a checkpoint, and a proof that it goes on from an earlier one. */
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { parseSize } from "./checkpoint.ts";
import { LogError } from "./errors.ts";
import { HASH_BYTES } from "./merkle.ts";

export interface WitnessRequest {
  /** Size of the checkpoint that the witness cosigned last; 0 for none. */
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  /** The signed note. */
  readonly checkpoint: string;
}

/** The specification's limit. */
const MAX_HASHES = 63;

export function formatWitnessRequest({ oldSize, proof, checkpoint }: WitnessRequest): string {
  return [`old ${oldSize}`, ...proof.map(encodeBase64), "", checkpoint].join("\n");
}

/** Throws LogError `malformed`. */
export function parseWitnessRequest(body: string): WitnessRequest {
  const refuse = (why: string): never => {
    throw new LogError("malformed", `a request to a witness: ${why}`);
  };
  const end = body.indexOf("\n\n");
  if (end < 0) refuse("expected an empty line before the checkpoint");
  const [first = "", ...lines] = body.slice(0, end).split("\n");
  const [, number = ""] = /^old (.+)$/.exec(first) ?? [];
  const oldSize = parseSize(number) ?? refuse("expected a first line with the old size");
  if (lines.length > MAX_HASHES) refuse(`expected at most ${MAX_HASHES} hashes`);
  const proof = lines.map((line) => {
    const hash = decodeBase64(line);
    return hash?.length === HASH_BYTES ? hash : refuse("expected hashes of 32 bytes in base64");
  });
  return { oldSize, proof, checkpoint: body.slice(end + 2) };
}
