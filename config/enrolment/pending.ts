/**
 * Changes under way: what goes to each aggregator, already sealed, in `pending/<meter>.json` of the authority's folder.
 * A re-keyed meter's new file of secrets waits there too, until enough aggregators know the new keys.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { KeyFolderError, PENDING_FOLDER, readKeyFile } from "../keys/folder.ts";
import type { Party } from "../keys/index.ts";
import type { Change } from "./change.ts";
import { makeFolder, replaceFile } from "./files.ts";

export interface Pending {
  readonly change: Change;
  readonly serial: number;
  readonly fromSlot: number;
  /** Sealed enrol messages by aggregator id. */
  readonly messages: ReadonlyMap<string, Uint8Array>;
  /** Share indices of the aggregators whose messages bring the meter's root key; they lack it until they countersign. */
  readonly keyed?: readonly number[];
  /** The meter's new `meter.json`, when it is re-keyed. */
  readonly meterFile?: string;
}

const named = { meter: z.string() };
const pendingFile = z.strictObject({
  change: z.discriminatedUnion("action", [
    z.strictObject({ action: z.literal("add"), ...named, feeder: z.string(), role: z.literal("head").optional() }),
    z.strictObject({ action: z.literal("move"), ...named, feeder: z.string() }),
    z.strictObject({ action: z.literal("revoke"), ...named }),
    z.strictObject({ action: z.literal("rekey"), ...named }),
  ]),
  serial: z.int().min(1),
  fromSlot: z.int().min(0),
  messages: z.record(z.string(), z.base64()),
  keyed: z.array(z.int().min(1)).optional(),
  meterFile: z.string().optional(),
});

function folderOf({ folder }: Party): string {
  return join(folder, PENDING_FOLDER);
}

/** Meters with a change under way, sorted. */
export function pendingMeters(authority: Party): string[] {
  const folder = folderOf(authority);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^[^.].*\.json$/.test(name))
    .map((name) => name.slice(0, -".json".length))
    .sort();
}

export function readPending(authority: Party, meter: string): Pending | undefined {
  const folder = folderOf(authority);
  const name = `${meter}.json`;
  if (!existsSync(join(folder, name))) return undefined;
  const parsed = pendingFile.safeParse(parseJson(readKeyFile(folder, name).toString("utf8")));
  if (!parsed.success || parsed.data.change.meter !== meter) {
    throw new KeyFolderError("damaged-file", `${join(folder, name)} is no change under way`);
  }
  const { messages, meterFile, keyed, ...rest } = parsed.data;
  const sealed = Object.entries(messages).map(([id, text]): [string, Uint8Array] => [
    id,
    Uint8Array.from(Buffer.from(text, "base64")),
  ]);
  return {
    ...rest,
    messages: new Map(sealed),
    ...(keyed === undefined ? {} : { keyed }),
    ...(meterFile === undefined ? {} : { meterFile }),
  };
}

export function writePending(authority: Party, pending: Pending): void {
  makeFolder(folderOf(authority));
  const { messages, ...rest } = pending;
  const texts = [...messages].map(([id, bytes]) => [id, Buffer.from(bytes).toString("base64")]);
  const file = { ...rest, messages: Object.fromEntries(texts) as Record<string, string> };
  replaceFile(join(folderOf(authority), `${pending.change.meter}.json`), `${JSON.stringify(file)}\n`);
}

export function removePending(authority: Party, meter: string): void {
  rmSync(join(folderOf(authority), `${meter}.json`), { force: true });
}

// Parse errors quote the text, so none is kept.
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
