/**
 * Loaded before a role by `node --import`, so that faults can befall it from inside: its system clock jumps, and SQLite
 * finds no room for a further page. The role runs unchanged.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import process from "node:process";
import Database from "better-sqlite3";

let offsetMilliseconds = 0;
const RealDate = Date;

/** `Date` as a role finds it: `Date.now()` and `new Date()` are off by the offset. */
class JumpingDate extends RealDate {
  /** @param {[] | [value: number | string | Date]} given */
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offsetMilliseconds);
    else super(.../** @type {[number]} */ (given));
  }

  static now() {
    return RealDate.now() + offsetMilliseconds;
  }
}

/** @type {Set<Database.Database>} */
const opened = new Set();
const pragma = Database.prototype.pragma;

/** @param {import("./role-messages.ts").RoleFault} message */
function obey(message) {
  if (message.type === "wall-clock") {
    offsetMilliseconds = message.offsetSeconds * 1_000;
    globalThis.Date = /** @type {DateConstructor} */ (JumpingDate);
  } else if (message.type === "no-room") {
    for (const database of opened) {
      if (!database.open) continue;
      pragma.call(database, `max_page_count = ${String(pragma.call(database, "page_count", { simple: true }))}`);
    }
  }
}

// Threads of a role have no parent process to hear from.
if (process.send !== undefined) {
  /**
   * @this {Database.Database}
   * @param {Parameters<typeof pragma>} given
   */
  Database.prototype.pragma = function (...given) {
    opened.add(this);
    return pragma.apply(this, given);
  };
  process.on("message", obey);
  process.channel?.unref();
}
