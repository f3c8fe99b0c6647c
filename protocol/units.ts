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
 */
export const KINDS = { import: 1, export: 2, catchup: 3, catchupExport: 4 } as const;

export type KindName = keyof typeof KINDS;
export type Kind = (typeof KINDS)[KindName];

const NAME_OF_KIND: Readonly<Record<number, KindName>> = {
  1: "import",
  2: "export",
  3: "catchup",
  4: "catchupExport",
};

/** The name of a kind on the wire; throws RangeError on a number that is no kind. */
export function kindName(kind: number): KindName {
  const name = NAME_OF_KIND[kind];
  if (name === undefined) throw new RangeError(`kind: expected 1 to 4, got ${kind}`);
  return name;
}

/** A number as a kind; throws RangeError on a number that is no kind. */
export function kindOf(kind: number): Kind {
  kindName(kind);
  return kind as Kind;
}

/** True for the kinds that enter a feeder load. */
export function isLoadKind(kind: Kind): boolean {
  return kind === KINDS.import || kind === KINDS.export;
}
