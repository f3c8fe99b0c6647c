/**
 * The quantities that cross a border, as types that cannot be mixed up.
 * Energy is integer watt-hours, money integer micro-units of a currency; nothing here is floating point.
 */

/** Energy in integer watt-hours. */
export type WattHours = bigint & { readonly unit: "Wh" };

/** Money in integer micro-units (10^-6) of the tariff's currency. */
export type MicroUnits = bigint & { readonly unit: "micro" };

/** A point in time in integer Unix seconds, UTC. */
export type UnixSeconds = number;

/** Marks an integer as watt-hours. */
export function wattHours(value: bigint | number): WattHours {
  return BigInt(value) as WattHours;
}

/** Marks an integer as micro-units of money. */
export function microUnits(value: bigint | number): MicroUnits {
  return BigInt(value) as MicroUnits;
}

/**
 * What a shared value measures. Every kind is non-negative; import and export are never netted.
 * `catchup` kinds carry the register difference across a gap: billed, never part of a feeder load.
 * `head` kinds are shared by the meter at the head of a feeder alone: part of balances, never of a bill or a load.
 */
export const KINDS = { import: 1, export: 2, catchup: 3, catchupExport: 4, head: 5, headExport: 6 } as const;

export type KindName = keyof typeof KINDS;
export type Kind = (typeof KINDS)[KindName];
/** What a customer's meter shares, and a bill is made of. */
export type CustomerKindName = Exclude<KindName, "head" | "headExport">;

const NAME_OF_KIND: Readonly<Record<number, KindName>> = {
  1: "import",
  2: "export",
  3: "catchup",
  4: "catchupExport",
  5: "head",
  6: "headExport",
};

/** The highest kind; all from 1 up to it exist. */
export const LAST_KIND = 6;

/** The name of a kind on the wire; throws RangeError on a number that is no kind. */
export function kindName(kind: number): KindName {
  const name = NAME_OF_KIND[kind];
  if (name === undefined) throw new RangeError(`kind: expected 1 to ${LAST_KIND}, got ${kind}`);
  return name;
}

/** A number as a kind; throws RangeError on a number that is no kind. */
export function kindOf(kind: number): Kind {
  kindName(kind);
  return kind as Kind;
}

/** The kinds that a customer's meter shares, and that are billed. */
export const CUSTOMER_KINDS: readonly Kind[] = [KINDS.import, KINDS.export, KINDS.catchup, KINDS.catchupExport];

/** What enters a balance: everything that flows on a feeder in a slot, seen from both ends. */
export const BALANCE_KINDS: readonly Kind[] = [KINDS.import, KINDS.export, KINDS.head, KINDS.headExport];

/** True for the kinds that only the meter at the head of a feeder shares. */
export function isHeadKind(kind: number): boolean {
  return kind === KINDS.head || kind === KINDS.headExport;
}

/** True for the kinds that enter a feeder load. */
export function isLoadKind(kind: Kind): boolean {
  return kind === KINDS.import || kind === KINDS.export;
}
