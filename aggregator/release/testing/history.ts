/** Builds sets over few meters and slots for tests of the release rules, and keeps what was allowed as vectors. */
import { createHash, randomUUID } from "node:crypto";
import path from "node:path";
import { bitmapOf, members } from "../../../protocol/bitmap.ts";
import { encodeCbor } from "../../../protocol/cbor.ts";
import type { SetContent } from "../../../protocol/messages/round.ts";
import { BALANCE_KINDS } from "../../../protocol/units.ts";
import { billCells, loadUnitAt, SetError } from "../../rounds/layout.ts";
import { openTestDatabase } from "../../testing/system.ts";
import { auditTotals, cellOf, type Disclosure } from "../../audit/disclosure.ts";
import { ReleaseStore } from "../release-store.ts";
import type { RuleContext } from "../rule-context.ts";
import { assertReleasable, recordRelease, type Releasable } from "../rules.ts";

type Range = readonly [from: number, to: number];
/** Whether a meter (by position) has a cell at a slot. */
export type CellTest = (meter: number, slot: number) => boolean;
/** Slots of a band. */
export type Bands = Readonly<Record<string, (slot: number) => boolean>>;

const ALWAYS = (): boolean => true;
const DIGEST = new Uint8Array(32);

function unit(size: number, bits: readonly number[]): [Uint8Array, Uint8Array] {
  return [bitmapOf(size, bits), bits.length === 0 ? new Uint8Array(0) : DIGEST];
}

const slotsOf = ([from, to]: Range): number[] => Array.from({ length: to - from }, (_, i) => from + i);

export interface HistoryOptions {
  readonly meters: number;
  readonly minMeters?: number;
  readonly minSlots: number;
  /** Which meters belong to the feeder at a slot; all if left out. */
  readonly belongs?: CellTest;
  readonly missing?: number;
  /** Position of the meter that is the feeder's head; none if left out. */
  readonly head?: number;
  /** Which meters (by position) feed back; none if left out. */
  readonly exports?: (meter: number) => boolean;
  /** From which slot on nothing is forgotten; 0 if left out. */
  readonly lost?: { readonly before: number };
  /** Name of the database; any if left out. */
  readonly file?: string;
}

export class History {
  readonly meters: string[];
  readonly context: RuleContext;
  /** Indicator vectors of all released totals, as maps from "meter slot". */
  readonly released: ReadonlySet<string>[] = [];
  readonly feeder = "f-1";
  readonly #db;

  constructor(folder: string, options: HistoryOptions) {
    const { minMeters = 2, minSlots, belongs = ALWAYS } = options;
    this.meters = Array.from({ length: options.meters }, (_, i) => `m-${i}`);
    this.#db = openTestDatabase(path.join(folder, options.file ?? `${randomUUID()}.db`));
    this.context = {
      store: new ReleaseStore(this.#db),
      minMeters,
      minSlots,
      lost: options.lost ?? { before: 0 },
      members: {
        numberOf: (meter) => this.meters.indexOf(meter) + 1 || undefined,
        isHead: (meter) => meter === this.meters[options.head ?? -1],
        roster: () => this.meters.filter((_, position) => position !== options.head),
        slotsOn: (meter, _, from, to) => {
          const position = this.meters.indexOf(meter);
          return bitmapOf(
            to - from,
            [...slotsOf([from, to]).keys()].filter((i) => belongs(position, from + i)),
          );
        },
      },
      gaps: { missingUpTo: () => options.missing ?? 0 },
      exports: (meter) => options.exports?.(meter - 1) === true,
    };
  }

  close(): void {
    this.#db.close();
  }

  load(range: Range, has: CellTest = ALWAYS, kind = 1): SetContent {
    const positions = [...this.meters.keys()];
    return {
      purpose: "load",
      feeder: this.feeder,
      meters: this.meters,
      segments: [[...range]],
      kinds: [kind],
      schemes: [],
      assignment: [],
      units: slotsOf(range).map((slot) =>
        unit(
          positions.length,
          positions.filter((meter) => has(meter, slot)),
        ),
      ),
    };
  }

  /** Balances with the cells of each kind that `has` says. */
  balance(range: Range, has: (meter: number, slot: number, kind: number) => boolean): SetContent {
    return {
      ...this.load(range),
      purpose: "balance",
      kinds: [...BALANCE_KINDS],
      units: slotsOf(range).flatMap((slot) =>
        BALANCE_KINDS.map((kind) =>
          unit(
            this.meters.length,
            [...this.meters.keys()].filter((meter) => has(meter, slot, kind)),
          ),
        ),
      ),
    };
  }

  bill(
    segments: readonly Range[],
    has: CellTest = ALWAYS,
    schemes: readonly Bands[] = [{ all: ALWAYS }],
    assign: (meter: number) => number = () => 0,
    kind = 1,
  ): SetContent {
    return {
      purpose: "billing",
      feeder: this.feeder,
      meters: this.meters,
      segments: segments.map((range) => [...range]),
      kinds: [kind],
      schemes: schemes.map((bands) => ({
        bands: Object.entries(bands).map(([name, holds]) => ({
          name,
          kind,
          masks: segments.map((range) => {
            const slots = slotsOf(range);
            return bitmapOf(
              slots.length,
              [...slots.keys()].filter((i) => holds(slots[i]!)),
            );
          }),
        })),
      })),
      assignment: this.meters.map((_, meter) => assign(meter)),
      units: segments.flatMap((range) =>
        this.meters.map((_, meter) => {
          const slots = slotsOf(range);
          return unit(
            slots.length,
            [...slots.keys()].filter((i) => has(meter, slots[i]!)),
          );
        }),
      ),
    };
  }

  /** Endorses a set, or returns the refusal. */
  ask(set: SetContent): SetError | undefined {
    const setId = createHash("sha256").update(JSON.stringify(set)).digest();
    // The same set again is answered without judging it again; one without any cell may well come twice.
    if (this.context.store.set(setId) !== undefined) return undefined;
    const judged = this.judge(set);
    if (judged instanceof SetError) return judged;
    this.context.store.transaction(() => {
      this.context.store.addSet(
        setId,
        encodeCbor({ purpose: set.purpose, units: set.units }),
        Buffer.from("endorsement"),
      );
      recordRelease(judged, setId, this.context.store);
    });
    this.released.push(...this.cellsOf(set));
    return undefined;
  }

  /** What `ask` would do, without doing it. */
  judge(set: SetContent): Releasable | SetError {
    try {
      return assertReleasable(set, this.context);
    } catch (error) {
      if (error instanceof SetError) return error;
      throw error;
    }
  }

  /** The least that combinations of all that was released, and of what `set` would release, leave of anyone. */
  disclosure(set?: SetContent): Disclosure {
    const cells = [...this.released, ...(set === undefined ? [] : this.cellsOf(set))];
    const totals = cells.map((names, index) => ({
      name: `total ${index}`,
      cells: [...names].map((name) => {
        const [meter, slot] = name.split(" ").map(Number);
        return cellOf(meter!, slot!);
      }),
    }));
    return auditTotals(totals, { choices: 2_000, random: () => 0.5 });
  }

  /** The cells of every total that a set would release, as "meter slot". */
  cellsOf(set: SetContent): Set<string>[] {
    const totals: Set<string>[] = [];
    const add = (cells: readonly string[]): void => {
      if (cells.length > 0) totals.push(new Set(cells));
    };
    // A balance holds the head's reading, which is in nothing else: no combination takes it off again.
    if (set.purpose === "balance") return totals;
    if (set.purpose === "load") {
      for (const [index, [bitmap]] of set.units.entries()) {
        const { slot } = loadUnitAt(set, index);
        add([...members(bitmap)].map((meter) => `${meter} ${slot}`));
      }
      return totals;
    }
    const sums = new Map<number, string[]>();
    for (const { output, segment, cells } of billCells(set)) {
      const names = [...members(cells)].map((i) => `${output.meter} ${set.segments[segment]![0] + i}`);
      sums.set(output.index, [...(sums.get(output.index) ?? []), ...names]);
    }
    for (const names of sums.values()) add(names);
    return totals;
  }

  /** The released totals as 0/1 rows over all cells of slots 0 up to `slots`. */
  vectors(slots: number): number[][] {
    return this.released.map((cells) =>
      this.meters.flatMap((_, meter) => slotsOf([0, slots]).map((slot) => (cells.has(`${meter} ${slot}`) ? 1 : 0))),
    );
  }
}
