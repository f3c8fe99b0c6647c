/**
 * A witness (c2sp.org/tlog-witness): cosigns what a log has signed, if it goes on from what this witness cosigned before.
 * So nobody whom it convinces can have been shown another history.
 */
import {
  cosignNote,
  formatSignature,
  LogError,
  type NoteKey,
  type NoteSigner,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseWitnessRequest,
  sameBytes,
  verifyConsistency,
} from "../protocol/log/index.ts";
import type { WitnessStore } from "./store.ts";

export interface WitnessOptions {
  readonly signer: NoteSigner;
  /** Logs that it cosigns, by their origin. */
  readonly logs: readonly NoteKey[];
  readonly store: WitnessStore;
  /** Unix seconds. */
  readonly now: () => number;
}

/** As the specification has it: status, and the text of the answer. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly text: string;
  /** The text is the size that this witness knows. */
  readonly isSize?: true;
}

/** The empty tree has one root. */
const EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

export class Witness {
  readonly #options: WitnessOptions;

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** One request, from the check to the durable record without a pause: two requests cannot overtake each other. */
  addCheckpoint(body: string): WitnessAnswer {
    const { logs, store, signer, now } = this.#options;
    let origin = "";
    let isSigned = false;
    try {
      const { oldSize, proof, checkpoint } = parseWitnessRequest(body);
      origin = parseCheckpoint(parseNote(checkpoint).text).origin;
      const log = logs.find(({ name }) => name === origin);
      if (log === undefined) return refuse(404, `the log ${origin} is not known here`);
      const { size, root, text } = openCheckpoint(checkpoint, { log, witnesses: [], quorum: 0 });
      isSigned = true;
      if (oldSize > size) return refuse(400, `the old size ${oldSize} is larger than that of the checkpoint, ${size}`);
      const last = store.last(origin);
      if (oldSize !== (last?.size ?? 0)) return { status: 409, text: `${last?.size ?? 0}\n`, isSize: true };
      if (last !== undefined && oldSize === size && !sameBytes(last.root, root)) {
        store.convict(origin, now(), body);
        return { status: 409, text: `${last.size}\n`, isSize: true };
      }
      if (size === 0 && Buffer.from(root).toString("base64") !== EMPTY)
        return refuse(422, "an empty log has another root");
      verifyConsistency({ from: oldSize, fromRoot: last?.root ?? root, size, root, proof });
      store.remember({ origin, size, root }, checkpoint);
      return { status: 200, text: `${formatSignature(cosignNote(text, signer, now()))}\n` };
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      if (error.code === "bad-consistency" && isSigned) store.convict(origin, now(), body);
      return refuse(statusOf(error), error.message);
    }
  }
}

function statusOf({ code }: LogError): WitnessAnswer["status"] {
  if (code === "bad-consistency") return 422;
  return code === "unknown-key" || code === "bad-signature" ? 403 : 400;
}

function refuse(status: WitnessAnswer["status"], why: string): WitnessAnswer {
  return { status, text: `${why}\n` };
}
