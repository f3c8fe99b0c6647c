/** The last entries of the log as JSON lines: what anyone may read of them. */
import { decodeEntry } from "../../protocol/log/index.ts";
import type { Queries } from "../store/rounds-store.ts";

/** Oldest first; hashes in hex, times in ISO 8601. */
export async function tailEntries(db: Queries, lines: number, type?: string): Promise<string[]> {
  let query = db.selectFrom("ledger_entries").selectAll();
  if (type !== undefined) query = query.where("type", "=", type);
  const rows = await query.orderBy("idx", "desc").limit(lines).execute();
  return rows.reverse().map(({ idx, entry }) => {
    const { time, content } = decodeEntry(entry);
    const at = new Date(time * 1_000).toISOString();
    return entryText({ index: idx, time: at, ...content });
  });
}

/** JSON of what an entry says; hashes in hex. */
export function entryText(content: object): string {
  return JSON.stringify(content, hexOfBytes);
}

/** A buffer turns itself into JSON before a replacer sees it, so it is taken from where it stands. */
function hexOfBytes(this: unknown, key: string, value: unknown): unknown {
  const own = (this as Record<string, unknown>)[key];
  return own instanceof Uint8Array ? Buffer.from(own).toString("hex") : value;
}
