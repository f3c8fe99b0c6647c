/**
 * Counts pulses into a register that outlives the process: whole watt-hours, the rest of a division carried. Pulses are
 * written down every few seconds and before each sample for the agent, so that the register never stands below one that
 * the agent has seen; a power cut loses what came since.
 */
import { guardStorage, migrate, type SqliteDatabase } from "../../config/runtime/database.ts";

const MIGRATIONS = [
  `CREATE TABLE pulses (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     pulses INTEGER NOT NULL,
     pulses_per_kwh INTEGER NOT NULL,
     -- What was counted under other pulse constants.
     base_wh INTEGER NOT NULL
   );`,
];

const WH_PER_KWH = 1_000;

export interface PulseCounterOptions {
  readonly database: SqliteDatabase;
  /** As printed on the meter. */
  readonly pulsesPerKwh: number;
  readonly saveSeconds: number;
  /** Milliseconds on a clock that never goes back. */
  readonly monotonic: () => number;
}

interface Row {
  readonly pulses: number;
  readonly pulses_per_kwh: number;
  readonly base_wh: number;
}

export class PulseCounter {
  readonly #options: PulseCounterOptions;
  readonly #write;
  #pulses: number;
  #baseWh: number;
  #saved: number;
  #savedAt: number;

  constructor(options: PulseCounterOptions) {
    const { database, pulsesPerKwh, monotonic } = options;
    this.#options = options;
    migrate(database, MIGRATIONS);
    const row = database.prepare<[], Row>("SELECT pulses, pulses_per_kwh, base_wh FROM pulses").get();
    this.#write = database.prepare<[number, number, number]>(
      `INSERT INTO pulses (id, pulses, pulses_per_kwh, base_wh) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE
       SET pulses = excluded.pulses, pulses_per_kwh = excluded.pulses_per_kwh, base_wh = excluded.base_wh`,
    );
    const same = row?.pulses_per_kwh === pulsesPerKwh;
    this.#pulses = same ? row.pulses : 0;
    this.#baseWh = same ? row.base_wh : row === undefined ? 0 : registerOf(row);
    this.#saved = same ? this.#pulses : -1;
    this.#savedAt = monotonic();
    this.save();
  }

  /** The register as it stands, in watt-hours. */
  get registerWh(): number {
    return registerOf({
      pulses: this.#pulses,
      pulses_per_kwh: this.#options.pulsesPerKwh,
      base_wh: this.#baseWh,
    });
  }

  get pulses(): number {
    return this.#pulses;
  }

  add(pulses: number): void {
    this.#pulses += pulses;
    const { monotonic, saveSeconds } = this.#options;
    if (monotonic() - this.#savedAt >= saveSeconds * 1_000) this.save();
  }

  /** Makes every pulse so far durable. Throws StorageError. */
  save(): void {
    const { database, pulsesPerKwh, monotonic } = this.#options;
    this.#savedAt = monotonic();
    if (this.#saved === this.#pulses) return;
    guardStorage(database, () => this.#write.run(this.#pulses, pulsesPerKwh, this.#baseWh));
    this.#saved = this.#pulses;
  }
}

function registerOf({ pulses, pulses_per_kwh, base_wh }: Row): number {
  return base_wh + Number((BigInt(pulses) * BigInt(WH_PER_KWH)) / BigInt(pulses_per_kwh));
}
