/**
 * What the worker that answers rounds has to tell those that take in shares: rows that it alone writes, in their order,
 * and that each of the others reads as they come. Whoever starts reads the database itself and needs none of the older ones.
 */
import { z } from "zod";
import type { SqlDatabase } from "../../config/runtime/sql.ts";

const notice = z.discriminatedUnion("about", [
  /** A meter's record or key. */
  z.strictObject({ about: z.literal("meter"), meter: z.string() }),
  /** Slots that its meter is to send again. */
  z.strictObject({
    about: z.literal("resend"),
    ...{ meter: z.string(), kind: z.int(), firstSlot: z.int(), count: z.int() },
  }),
  /** Loads were endorsed. */
  z.strictObject({ about: z.literal("loads") }),
  /** Blocks of days [from, to) have gone, or some of them. */
  z.strictObject({ about: z.literal("forgotten"), from: z.int(), to: z.int() }),
]);

export type Notice = z.infer<typeof notice>;

type Resend = Extract<Notice, { about: "resend" }>;

/** Those who read are far ahead of this, or were cut off long ago. */
const KEPT = 100_000;
/** Each may take some questions to the database, and shares wait meanwhile. */
const AT_A_TIME = 500;

export class Notices {
  readonly #db: SqlDatabase;
  readonly #insert;
  readonly #trim;
  readonly #select;
  #read: number;
  /** What is wanted of meters until it is written, by where it ends: a month is asked for slot by slot. */
  readonly #wanted = new Map<string, Resend>();

  /** Reads what comes from now on: load what they are about after this. */
  constructor(db: SqlDatabase) {
    this.#db = db;
    this.#insert = db.prepare<[string], number>("INSERT INTO notices (body) VALUES (?) RETURNING id").pluck();
    this.#trim = db.prepare<[number]>("DELETE FROM notices WHERE id <= ?");
    this.#select = db.prepare<[number], { id: number; body: string }>(
      `SELECT id, body FROM notices WHERE id > ? ORDER BY id LIMIT ${AT_A_TIME}`,
    );
    this.#read = db.prepare<[], number>("SELECT coalesce(max(id), 0) FROM notices").pluck().get()!;
  }

  /** For the one worker that writes them. That slots are to be sent again is written with the next `flush`. */
  add(added: Notice): void {
    if (added.about !== "resend") {
      this.#write(added);
      return;
    }
    const { meter, kind, firstSlot, count } = added;
    const before = this.#wanted.get(`${meter} ${kind} ${firstSlot}`);
    if (before !== undefined) this.#wanted.delete(`${meter} ${kind} ${firstSlot}`);
    // What falls away here is asked for again.
    if (this.#wanted.size >= KEPT) return;
    const run = before === undefined ? added : { ...before, count: before.count + count };
    this.#wanted.set(`${meter} ${kind} ${firstSlot + count}`, run);
  }

  #write(added: Notice): void {
    const id = this.#insert.get(JSON.stringify(added))!;
    if (id % KEPT === 0) this.#trim.run(id - KEPT);
  }

  /** Writes what waits, some at a time: the rest with the next call. */
  flush(): void {
    if (this.#wanted.size === 0) return;
    const some = [...this.#wanted].slice(0, AT_A_TIME);
    this.#db.transaction(() => some.forEach(([, wanted]) => this.#write(wanted)))();
    for (const [end] of some) this.#wanted.delete(end);
  }

  /** What was added since the last call. */
  take(): Notice[] {
    const rows = this.#select.all(this.#read);
    this.#read = rows.at(-1)?.id ?? this.#read;
    return rows.map(({ body }) => notice.parse(JSON.parse(body)));
  }
}
