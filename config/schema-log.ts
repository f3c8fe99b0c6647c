/** The log and its witnesses: how it is called, who must have seen it, and what a witness itself runs with. */
import { z } from "zod";
import { LogError, NOTE_TYPE, type NoteKey, parseKey } from "../protocol/log/index.ts";
import { port, seconds, text, whole } from "./schema-fields.ts";

const URL_PREFIX = z.url({ protocol: /^https?$/, error: "an address that begins with http:// or https://" });

/** A key in the form `name+id+key`, of the given type. */
function vkey(type: NoteKey["type"], whose: string): z.ZodType<string> {
  return z.string().superRefine((value, context) => {
    const fault = (message: string): void => {
      context.addIssue({ code: "custom", message: `the key of ${whose}, name+id+key: ${message}` });
    };
    try {
      if (parseKey(value).type !== type) fault(`expected type ${type}`);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      fault(error.message);
    }
  });
}

const NAME = z.string().regex(/^([^\s+]{1,255})?$/u, "a name without spaces and '+'");
const witnessOfLog = z.strictObject({ key: vkey(NOTE_TYPE.cosignature, "a witness"), url: URL_PREFIX });

export const log = z.strictObject({
  origin: NAME.default("").meta({
    description: "Name of the log in its checkpoints; empty: made from its key. All parties must have the same.",
  }),
  witnesses: z.array(witnessOfLog).max(32).default([]).meta({
    description: "Who cosigns the log's checkpoints.",
    allowed: "a list of `key` (as `npm run witness -- key` prints it) and `url` (where its witness listens)",
  }),
  quorum: whole(0, 32, 0, "Witnesses (k) that must have seen a checkpoint before bills go out with it.", {
    unit: "witnesses",
  }),
  publishSeconds: seconds(0.1, 86_400, 5, "A checkpoint is published, and shown to the witnesses, this often at most."),
  witnessSeconds: seconds(0.1, 300, 10, "Wait for a witness to answer."),
});

export const witness = z.strictObject({
  name: NAME.default("witness.example/1").meta({ description: "Name of the witness in its cosignatures." }),
  host: text("127.0.0.1", "Address on which the witness listens."),
  port: port(8890, "Port on which the witness listens"),
  logs: z.array(vkey(NOTE_TYPE.signature, "a log")).max(1_000).default([]).meta({
    description: "Logs that it cosigns.",
    allowed: "a list of keys, as `npm run ledger -- key` prints them",
  }),
});
