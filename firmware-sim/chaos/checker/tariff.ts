/**
 * What a tariff makes of readings, by plain arithmetic from its text; shares no code with the product. It knows flat
 * prices and bands; a tariff with more is refused, since a wrong expectation would be worse than none.
 */
import { parse } from "yaml";
import type { Calendar } from "./calendar.ts";
import type { TrueReading } from "./truth.ts";

/** A tariff that this program cannot compute. */
export class UnknownTariffError extends Error {
  constructor(message: string) {
    super(`the tariff ${message}: this checker does not compute that`);
    this.name = "UnknownTariffError";
  }
}

export interface PlainRow {
  readonly energyWh: number;
  readonly amountMicro: number;
}

export interface PlainBill {
  readonly importWh: number;
  readonly exportWh: number;
  readonly amountMicro: number;
  readonly rows: ReadonlyMap<string, PlainRow>;
}

interface Band {
  readonly name: string;
  readonly price: bigint;
  /** Minutes of the week that are in it. */
  readonly minutes: ReadonlySet<number>;
}

interface Version {
  readonly from: string;
  readonly to: string | undefined;
  readonly bands: readonly Band[];
  readonly standing: bigint;
  readonly exported: bigint;
  readonly tax: { readonly numerator: bigint; readonly denominator: bigint; readonly isNet: boolean };
}

/** As the failsafe schema of YAML reads it: scalars are texts. */
interface Tree {
  readonly [key: string]: string | Tree | readonly (string | Tree)[] | undefined;
}

const WEEK_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MINUTES = 1_440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
const WH_PER_KWH = 1_000n;

export class PlainTariff {
  readonly timezone: string;
  readonly #versions: readonly Version[];

  /** Throws UnknownTariffError. */
  constructor(text: string) {
    // Every scalar as text: 0.19 is 19/100, not the nearest binary fraction.
    const tree = parse(text, { schema: "failsafe" }) as Tree;
    this.timezone = textOf(tree["timezone"]) ?? "";
    this.#versions = listOf(tree, "versions").map(versionOf);
  }

  /** The bill of one meter's readings of one local day. */
  bill(date: string, readings: readonly TrueReading[], calendar: Calendar): PlainBill {
    const version = this.#versions.find(({ from, to }) => from <= date && (to === undefined || date < to));
    if (version === undefined) throw new UnknownTariffError(`has no version for ${date}`);
    const { bands, standing, exported, tax } = version;
    const energy = new Map(bands.map(({ name }) => [name, 0n]));
    let exportWh = 0n;
    for (const reading of readings) {
      const { weekday, minute } = calendar.at(reading.start);
      const band = bands.find(({ minutes }) => minutes.has(weekday * DAY_MINUTES + minute));
      if (band === undefined) throw new UnknownTariffError(`has no band at ${reading.start}`);
      energy.set(band.name, (energy.get(band.name) ?? 0n) + BigInt(reading.importWh));
      exportWh += BigInt(reading.exportWh);
    }
    // Exact amounts as multiples of one unit: micro-units / (Wh per kWh x denominator of the tax).
    const unit = WH_PER_KWH * tax.denominator;
    const exact = new Map<string, { wh: bigint; amount: bigint }>();
    for (const { name, price } of bands) {
      const wh = energy.get(name) ?? 0n;
      exact.set(name, { wh, amount: wh * price * tax.denominator });
    }
    exact.set("standing", { wh: 0n, amount: standing * unit });
    let taxed = [...exact.values()].reduce((sum, { amount }) => sum + amount, 0n);
    const credit = -exportWh * exported * tax.denominator;
    exact.set("export", { wh: exportWh, amount: credit });
    if (tax.isNet) taxed += credit;
    exact.set("tax", { wh: 0n, amount: (taxed * tax.numerator) / tax.denominator });
    return rounded(exact, unit, energy, exportWh);
  }
}

function rounded(
  exact: ReadonlyMap<string, { readonly wh: bigint; readonly amount: bigint }>,
  unit: bigint,
  energy: ReadonlyMap<string, bigint>,
  exportWh: bigint,
): PlainBill {
  const rows = new Map<string, PlainRow>();
  let sum = 0n;
  let all = 0n;
  for (const [name, { wh, amount }] of exact) {
    const whole = halfEven(amount, unit);
    all += amount;
    sum += whole;
    rows.set(name, { energyWh: Number(wh), amountMicro: Number(whole) });
  }
  const total = halfEven(all, unit);
  rows.set("rounding", { energyWh: 0, amountMicro: Number(total - sum) });
  const importWh = [...energy.values()].reduce((before, wh) => before + wh, 0n);
  return { importWh: Number(importWh), exportWh: Number(exportWh), amountMicro: Number(total), rows };
}

/** numerator / denominator, halves to the even neighbour. */
export function halfEven(numerator: bigint, denominator: bigint): bigint {
  const size = numerator < 0n ? -numerator : numerator;
  const whole = size / denominator;
  const twice = (size % denominator) * 2n;
  const isUp = twice > denominator || (twice === denominator && whole % 2n === 1n);
  const near = isUp ? whole + 1n : whole;
  return numerator < 0n ? -near : near;
}

function versionOf(tree: Tree): Version {
  const imported = treeOf(tree, "import") ?? {};
  const exported = treeOf(tree, "export");
  const flat = treeOf(imported, "flat");
  const bands = flat === undefined ? listOf(imported, "bands").map(bandOf) : [flatBand(flat)];
  return {
    from: textOf(tree["from"]) ?? "",
    to: textOf(tree["to"]),
    bands,
    standing: BigInt(textOf(tree["standingMicroPerDay"]) ?? 0),
    exported: BigInt(textOf(exported?.["priceMicroPerKwh"]) ?? 0),
    tax: taxOf(treeOf(tree, "tax")),
  };
}

function taxOf(tree: Tree | undefined): Version["tax"] {
  const [whole = "0", fraction = ""] = (textOf(tree?.["rate"]) ?? "0").split(".");
  const denominator = 10n ** BigInt(fraction.length);
  return { numerator: BigInt(whole + fraction), denominator, isNet: tree?.["exportCredit"] === "net" };
}

function flatBand(tree: Tree): Band {
  return { name: "flat", price: priceOf(tree), minutes: new Set(Array.from({ length: WEEK_MINUTES }, (_, i) => i)) };
}

function bandOf(tree: Tree): Band {
  const minutes = new Set<number>();
  for (const window of listOf(tree, "when")) {
    const from = minuteOf(window["from"]);
    const to = minuteOf(window["to"]);
    // A window whose end is not after its start runs on into the next day.
    const length = to > from ? to - from : DAY_MINUTES - from + to;
    for (const day of daysOf(window["days"])) {
      for (let i = 0; i < length; i++) minutes.add((day * DAY_MINUTES + from + i) % WEEK_MINUTES);
    }
  }
  return { name: textOf(tree["name"]) ?? "", price: priceOf(tree), minutes };
}

function priceOf(tree: Tree): bigint {
  if (tree["tiers"] !== undefined) throw new UnknownTariffError("has tiers");
  return BigInt(textOf(tree["priceMicroPerKwh"]) ?? 0);
}

function minuteOf(value: Value): number {
  const [hours = 0, minutes = 0] = (textOf(value) ?? "00:00").split(":").map(Number);
  return hours * 60 + minutes;
}

/** `mon`, `mon-fri`, a list of either, or every day where nothing is said. */
function daysOf(value: Value): number[] {
  if (value === undefined) return WEEK_DAYS.map((_, day) => day);
  return (isList(value) ? value : [value]).flatMap((one) => {
    const [first = "", last = first] = (textOf(one) ?? "").split("-");
    const [from, to] = [WEEK_DAYS.indexOf(first), WEEK_DAYS.indexOf(last)];
    if (from < 0 || to < 0) throw new UnknownTariffError(`has the days ${JSON.stringify(one)}`);
    const count = ((to - from + WEEK_DAYS.length) % WEEK_DAYS.length) + 1;
    return Array.from({ length: count }, (_, i) => (from + i) % WEEK_DAYS.length);
  });
}

type Value = Tree[string];

function textOf(value: Value): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isList(value: Value): value is readonly (string | Tree)[] {
  return Array.isArray(value);
}

function treeOf(tree: Tree, key: string): Tree | undefined {
  const value = tree[key];
  return typeof value === "object" && !isList(value) ? value : undefined;
}

function listOf(tree: Tree, key: string): Tree[] {
  const value = tree[key];
  return isList(value) ? value.filter((one): one is Tree => typeof one === "object") : [];
}
