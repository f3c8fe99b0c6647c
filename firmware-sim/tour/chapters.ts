/** What the tour tells, step by step, out of what a small fleet has just left in its folder. */
import type Database from "better-sqlite3";
import { FIELD_PRIME, add, multiply, inverse, reduce, subtract, type FieldElement } from "../../protocol/field.ts";
import type { Showcase } from "../../protocol/messages/showcase.ts";

export interface Chapter {
  readonly title: string;
  readonly lines: readonly string[];
}

/** What the fleet left. */
export interface Evidence {
  readonly showcase: Showcase;
  /** The utility's, read only. */
  readonly utility: Database.Database;
  readonly timezone: string;
  /** As `npm run fleet --json` says them. */
  readonly summary: { readonly billsExact: boolean; readonly feederLoadsExact: boolean; readonly readings: number };
}

interface LoadRow {
  readonly energy_wh: number;
  readonly meters: number;
}

interface BillRow {
  readonly energy_wh: number;
  readonly amount_micro: number;
  readonly currency: string;
  readonly period_start: string;
}

interface ResultRow {
  readonly circuit: string;
  readonly meters: number;
  readonly error_bound: number | null;
  readonly unit: string;
  readonly opened_by: string;
}

/** Readings that are tried against one share. */
const GUESSES = [0, 1_000, 25_000];

export function chapters(evidence: Evidence): Chapter[] {
  return [
    reading(evidence),
    shares(evidence),
    curious(evidence),
    together(evidence),
    sums(evidence),
    bill(evidence),
    ciphertexts(evidence),
    log(evidence),
  ];
}

function reading({ showcase, timezone }: Evidence): Chapter {
  const { meter, feeder, readingsWh, slotStart, slotSeconds } = showcase;
  const time = new Date(slotStart * 1_000).toLocaleString("en-GB", {
    timeZone: timezone,
    dateStyle: "medium",
    timeStyle: "short",
  });
  return {
    title: "A household, and what it alone knows",
    lines: [
      `${meter} hangs on feeder ${feeder}. In the ${slotSeconds / 60} minutes from ${time} it used ${readingsWh[0] ?? 0} Wh.`,
      "It is a simulated household, so we may look. Nobody else in the system ever does: kettles, holidays and",
      "sleeping hours would be in such a list.",
    ],
  };
}

function shares({ showcase }: Evidence): Chapter {
  const { parts, threshold } = showcase;
  return {
    title: "It cuts the reading into shares",
    lines: [
      `The meter draws a polynomial of degree ${threshold - 1} over the integers modulo 2^61 - 1 whose value at 0 is the reading, and`,
      "seals one of its points for each aggregator:",
      ...parts.map(({ aggregator, shares: [share] }) => `  ${aggregator} gets ${String(share).padStart(19)}`),
      "",
      "The broker carries the sealed messages. Of each it sees the topic, the length, and sealed bytes such as",
      ...parts.map(({ topic, bytes, sealed }) => `  ${topic}  ${bytes} bytes  ...${sealed.slice(-24)}`),
    ],
  };
}

/** With one share every reading is possible: for each there is a polynomial through it. */
function curious({ showcase }: Evidence): Chapter {
  const [part] = showcase.parts;
  const x = BigInt(part?.aggregator.replace("a-", "") ?? 1);
  const y = reduce(BigInt(part?.shares[0] ?? 0));
  const slopes = [...GUESSES, showcase.readingsWh[0] ?? 0].map((guess) => {
    const slope = multiply(subtract(y, reduce(BigInt(guess))), inverse(reduce(x)));
    return { guess, slope, fits: valueAt(guess, slope, x) === y };
  });
  return {
    title: `${part?.aggregator ?? "a-1"} is curious`,
    lines: [
      "Which reading does its share belong to? It tries some, and finds a polynomial through its point for each:",
      ...slopes.map(
        ({ guess, slope, fits }) =>
          `  ${String(guess).padStart(6)} Wh: f(x) = ${guess} + ${slope} x   ${fits ? "fits" : "does not fit"}`,
      ),
      `So it does for each of the ${FIELD_PRIME} values that a reading could have, all equally likely.`,
      "One of the above is the truth. " + "That is no matter of computing power: the share holds nothing about it.",
    ],
  };
}

function valueAt(constant: number, slope: FieldElement, x: bigint): FieldElement {
  return add(reduce(BigInt(constant)), multiply(slope, reduce(x)));
}

/** A line through two points, at 0: Lagrange's formula for the threshold of the tour's own system. */
function together({ showcase }: Evidence): Chapter {
  const { parts, threshold, readingsWh } = showcase;
  const [one, two] = parts.map(({ aggregator, shares: [share] }) => ({
    name: aggregator,
    x: reduce(BigInt(aggregator.replace("a-", ""))),
    y: reduce(BigInt(share ?? 0)),
  }));
  if (one === undefined || two === undefined || threshold !== 2) {
    throw new RangeError(`threshold: the tour tells of two aggregators that are enough, not of ${threshold}`);
  }
  const slope = multiply(subtract(two.y, one.y), inverse(subtract(two.x, one.x)));
  const value = subtract(one.y, multiply(slope, one.x));
  return {
    title: `${threshold} of them would know`,
    lines: [
      "We hold all shares of this household, so we can do what aggregators must not: the line through the points of",
      `${one.name} and ${two.name} is ${value} Wh at 0${value === BigInt(readingsWh[0] ?? 0) ? ", the reading." : ", which is NOT the reading."}`,
      "This is why aggregators belong to different operators. No message exists that asks one for a single share.",
    ],
  };
}

function sums({ showcase, utility, summary }: Evidence): Chapter {
  const row = utility
    .prepare("SELECT energy_wh, meters FROM feeder_loads WHERE feeder_id = ? AND slot_start = ?")
    .get(showcase.feeder, showcase.slotStart) as LoadRow | undefined;
  return {
    title: "Sums come out right all the same",
    lines: [
      "Each aggregator adds the shares of all meters of a feeder. Sums of shares are shares of the sum, and the utility",
      "interpolates those:",
      row === undefined
        ? `  ${showcase.feeder} has no released load for that slot (release rules may withhold one)`
        : `  ${showcase.feeder}: ${row.energy_wh} Wh of ${row.meters} meters`,
      `The simulator, which knows the truth, has compared all loads: ${summary.feederLoadsExact ? "each is exact to the watt-hour." : "NOT all are exact."}`,
    ],
  };
}

function bill({ showcase, utility, summary }: Evidence): Chapter {
  const row = utility
    .prepare("SELECT energy_wh, amount_micro, currency, period_start FROM current_bills WHERE meter_id = ?")
    .get(showcase.meter) as BillRow | undefined;
  const bands = utility
    .prepare("SELECT band, energy_wh, amount_micro FROM current_bill_totals WHERE meter_id = ? ORDER BY position")
    .all(showcase.meter) as { band: string; energy_wh: number | null; amount_micro: number | null }[];
  return {
    title: "The bill",
    lines: [
      "For a bill the same is done over time: a household's slots of each tariff band, never fewer than the release rules",
      "allow. The utility learns these sums and nothing finer:",
      ...bands.map(
        ({ band, energy_wh, amount_micro }) =>
          `  ${band.padEnd(10)}${energy_wh === null || energy_wh === 0 ? "".padStart(10) : `${energy_wh} Wh`.padStart(10)}${amount_micro === null ? "" : money(amount_micro).padStart(14)}`,
      ),
      row === undefined
        ? "  no bill was issued"
        : `  ${row.period_start}: ${row.energy_wh} Wh, ${money(row.amount_micro)} ${row.currency}`,
      `All bills against the truth: ${summary.billsExact ? "exact to the watt-hour." : "NOT exact."}`,
    ],
  };
}

function money(micro: number): string {
  return (micro / 1_000_000).toFixed(6);
}

function ciphertexts({ utility }: Evidence): Chapter {
  const rows = utility
    .prepare(
      "SELECT circuit, meters, error_bound, unit, opened_by FROM he_results WHERE status = 'final' ORDER BY circuit",
    )
    .all() as ResultRow[];
  return {
    title: "What sums cannot say is computed on ciphertexts",
    lines: [
      "Meters also send their day as a CKKS ciphertext. Analytics computes on it without a key; aggregators repeat the",
      "computation before they open its result together:",
      ...rows.map(({ circuit, meters, error_bound: bound, unit, opened_by }) => {
        const by = opened_by
          .split(",")
          .map((index) => `a-${index}`)
          .join(", ");
        return `  ${circuit.padEnd(10)} of ${meters} meters, within ${bound === null ? "?" : Number(bound.toPrecision(2))} ${unit}, opened by ${by}`;
      }),
      ...(rows.length === 0 ? ["  (this run had none: homomorphic.enabled is false)"] : []),
    ],
  };
}

function log({ utility }: Evidence): Chapter {
  const head = utility.prepare("SELECT size, hex(root) AS root FROM ledger_head").get() as
    | { size: number; root: string }
    | undefined;
  return {
    title: "Everything that was opened is in a log",
    lines: [
      head === undefined
        ? "  the log is empty"
        : `The utility has written ${head.size} entries into a Merkle tree, whose root is ${head.root.slice(0, 32).toLowerCase()}...`,
      "It commits to every set of meters, opened sum, bill and key. A customer's receipt proves that their bill is in it, and",
      "witnesses see to it that everybody is shown the same log.",
    ],
  };
}
