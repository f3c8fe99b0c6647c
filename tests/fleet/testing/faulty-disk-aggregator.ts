/**
 * The aggregator's own entry, on a disk that fails when it is told to: from then on SQLite finds no room for a further
 * page, or may not write. The faults are SQLite's; the aggregator runs unchanged.
 */
import Database from "better-sqlite3";

/** What the test sends over the IPC channel. */
export interface DiskFault {
  readonly type: "disk";
  readonly fault: "full" | "read-only";
}

const opened: Database.Database[] = [];
const pragma = Reflect.get<Database.Database, "pragma">(Database.prototype, "pragma");
Reflect.set(Database.prototype, "pragma", function (this: Database.Database, ...given: Parameters<typeof pragma>) {
  if (!opened.includes(this)) opened.push(this);
  return pragma.apply(this, given);
});

process.on("message", (message: DiskFault) => {
  for (const database of opened.filter(({ open }) => open)) {
    if (message.fault === "read-only") pragma.call(database, "query_only = 1");
    else pragma.call(database, `max_page_count = ${String(pragma.call(database, "page_count", { simple: true }))}`);
  }
});
// Whoever listens to the channel keeps the process alive; the aggregator ends by itself.
process.channel?.unref();

await import("../../../aggregator/main.ts");
