/** One of several workers over one database: its seat among them, and what it tells and hears. */
import { PostgresDatabase } from "../../config/runtime/postgres/database.ts";
import { UsageError } from "../../config/runtime/role.ts";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import type { Aggregator } from "../aggregator.ts";
import type { WorkersPart } from "../aggregator-options.ts";
import { ShareStore, type ShareStoreOptions } from "../store/share-store.ts";
import { partOf } from "./assignment.ts";
import { HandOver } from "./hand-over.ts";
import { Notices } from "./notices.ts";
import { MOST_WORKERS, Seat } from "./seat.ts";

/** The number behind `--worker`; undefined without it. Throws UsageError. */
export function workerOf({ worker }: Readonly<Record<string, unknown>>): number | undefined {
  if (worker === undefined) return undefined;
  const number = Number(worker);
  if (Number.isInteger(number) && number >= 1 && number <= MOST_WORKERS) return number;
  throw new UsageError(`--worker: expected a number from 1 to ${MOST_WORKERS}, got ${JSON.stringify(worker)}`);
}

export class Worker {
  readonly seat: Seat;
  readonly #db: SqlDatabase;
  readonly #all;
  readonly #names;
  readonly #parts = new Map<number, number>();
  #notices: Notices | undefined;
  #handOver: HandOver | undefined;
  #aggregator: Aggregator | undefined;

  /** Takes the seat and the parts that are free for it. The tables must be there. Throws StorageError. */
  constructor(db: SqlDatabase, number: number, settings: ShareStoreOptions) {
    if (!(db instanceof PostgresDatabase)) throw new TypeError("expected a database on a server");
    this.#db = db;
    this.#all = db.prepare<[], { number: number; id: string }>("SELECT number, id FROM meters");
    this.#names = db.prepare<[number], string>("SELECT id FROM meters WHERE number = ?").pluck();
    this.seat = new Seat(db, number);
    packJournal(db, settings);
    this.seat.takeDesk();
    this.seat.look(() => {});
  }

  /** How many workers there are, and how many parts of the meters this one takes in. */
  get counters(): Record<string, number> {
    return { workers: this.seat.workers.length, parts: this.seat.parts, desk: Number(this.seat.hasDesk) };
  }

  /** What an aggregator that is made now has to know. Give it to `serve` when it has loaded what it knows. */
  begin(): WorkersPart {
    // What was told before is in what will be loaded.
    const notices = new Notices(this.#db);
    this.#notices = notices;
    const { seat } = this;
    return {
      owns: (meter) => seat.has(partOf(meter)),
      ownsNumber: (meter) => seat.has(this.#partOfNumber(meter)),
      hasDesk: seat.hasDesk,
      tell: (notice) => notices.add(notice),
    };
  }

  /** What this worker does until it begins anew. */
  serve(aggregator: Aggregator): void {
    for (const { number, id } of this.#all.all()) this.#parts.set(number, partOf(id));
    this.#aggregator = aggregator;
    this.#handOver = new HandOver(aggregator, (number) => this.#partOfNumber(number));
  }

  /**
   * Every second or so: looks who is there, moves meters, hears what was told, and takes the desk where nobody has it: then
   * this worker has to begin anew.
   */
  look(): void {
    const [handOver, aggregator, notices] = [this.#handOver, this.#aggregator, this.#notices];
    if (handOver === undefined || aggregator === undefined || notices === undefined) return;
    handOver.gain(this.seat.look((parts) => handOver.letGo(parts)));
    if (this.seat.hasDesk) {
      notices.flush();
      return;
    }
    handOver.hear(notices.take(), (meter) => this.seat.has(partOf(meter)));
    aggregator.vectors.refresh();
    this.seat.takeDesk();
  }

  #partOfNumber(number: number): number {
    let part = this.#parts.get(number);
    if (part === undefined) {
      const name = this.#names.get(number);
      if (name === undefined) throw new RangeError(`expected the number of a meter, got ${number}`);
      this.#parts.set(number, (part = partOf(name)));
    }
    return part;
  }
}

/** What a process that was alone has left in its journal goes into the blocks, where all workers see it. */
function packJournal(db: SqlDatabase, settings: ShareStoreOptions): void {
  const some = db.prepare("SELECT 1 FROM journal LIMIT 1");
  const pack = db.transaction(() => {
    if (some.get() !== undefined) new ShareStore(db, settings).pack();
  });
  pack.immediate();
}
