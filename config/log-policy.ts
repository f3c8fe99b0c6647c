/** By what a party of this system believes its log: the utility's key, the configured origin and witnesses. */
import type { KeyObject } from "node:crypto";
import { type LogPolicy, NOTE_TYPE, noteKey, originOf, parseKey } from "../protocol/log/index.ts";
import type { Config } from "./schema.ts";

/** `utilityKey`: the utility's Ed25519 key, either half; it signs the log as well. */
export function logPolicy({ log }: Pick<Config, "log">, utilityKey: KeyObject): LogPolicy {
  return {
    log: noteKey(logOrigin({ log }, utilityKey), NOTE_TYPE.signature, utilityKey),
    witnesses: log.witnesses.map(({ key }) => parseKey(key)),
    quorum: log.quorum,
  };
}

export function logOrigin({ log }: Pick<Config, "log">, utilityKey: KeyObject): string {
  return log.origin === "" ? originOf(utilityKey) : log.origin;
}
