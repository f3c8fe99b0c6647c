/** What the fields on ciphertexts must agree on: security, room for sums, and that a window fits its ciphertext. */
import { lackingAuthorshipBits } from "../protocol/ckks/authorship/authorship.ts";
import { CkksError } from "../protocol/ckks/errors.ts";
import { assertParameters, type CkksParameters, dataBits, dataLevels } from "../protocol/ckks/parameters.ts";
import { freshVariance, sigmaBitsFor } from "../protocol/ckks/threshold/flooding.ts";
import { type Check, unless } from "./check.ts";
import type { Config } from "./schema.ts";
import { parametersOf, type SeriesSettings, SET_NAMES, type SetName } from "./schema-ckks.ts";

/** A local day has at most 25 hours. */
const LONGEST_DAY_SECONDS = 25 * 3_600;

/** Slots of the longest window. */
export function windowSlots({ homomorphic, system }: Pick<Config, "homomorphic" | "system">): number {
  const days = homomorphic.windowDays;
  // The clock goes back once in a month at most.
  const length = (days - 1) * 86_400 + LONGEST_DAY_SECONDS;
  return Math.ceil(length / system.slotSeconds);
}

/** Numbers that a series puts into one ciphertext. */
export function numbersOf({ content, levels = [] }: SeriesSettings, slots: number): number {
  if (content === "moments") return 2 * slots;
  return content === "buckets" ? slots * (levels.length + 1) : slots;
}

/** The largest reading that a series takes, in Wh: its own, or that of all. */
export function largestReading(series: SeriesSettings, homomorphic: { readonly maxReadingWh: number }): number {
  return series.maxReadingWh ?? homomorphic.maxReadingWh;
}

/** Only sums are formed of it: squares of squares would fit nothing, and `light` cannot multiply. */
export function isForSums({ set, content }: SeriesSettings): boolean {
  return set === "light" || content === "squares" || content === "moments";
}

/** Primes of a series' ciphertexts: two hold sums, products and their flooding take all that there are. */
export function levelOf(series: SeriesSettings, parameters: CkksParameters): number {
  return isForSums(series) ? Math.min(2, dataLevels(parameters)) : dataLevels(parameters);
}

/** The largest number that a series encrypts. */
export function largestNumber(series: SeriesSettings, homomorphic: { readonly maxReadingWh: number }): number {
  if (series.content === "buckets") return 1;
  const most = largestReading(series, homomorphic);
  return series.content === "squares" || series.content === "moments" ? most ** 2 : most;
}

function secure(name: SetName): Check {
  return {
    fields: [`homomorphic.${name}`, "homomorphic.insecureForTests"],
    rule: `The set \`${name}\` has 128-bit security, or is for tests`,
    fault: ({ homomorphic }) => {
      try {
        assertParameters(parametersOf(homomorphic, name), { insecureForTests: homomorphic.insecureForTests });
        return undefined;
      } catch (error) {
        if (error instanceof CkksError || error instanceof RangeError) return error.message;
        throw error;
      }
    },
  };
}

const seriesOf = ({ homomorphic }: Pick<Config, "homomorphic">): [string, SeriesSettings][] =>
  Object.entries(homomorphic.series as Readonly<Record<string, SeriesSettings>>);

/** The first series with which something is wrong. Without ciphertexts there is none. */
function firstFault(config: Config, fault: (name: string, series: SeriesSettings) => string | undefined) {
  if (!config.homomorphic.enabled) return undefined;
  for (const [name, series] of seriesOf(config)) {
    const found = fault(name, series);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What an opened sum may be wrong by, with the flooding of t aggregators, at six standard deviations. */
const SUM_ERROR_WH = 0.5;
const TAIL = 6;

/** Bits that lack between the flooding that leaves sums of a series right and the one that hides the key; or none. */
export function lackingFloodingBits(config: Pick<Config, "homomorphic" | "system">, series: SeriesSettings): number {
  const { maxMeters, openings, statisticalBits } = config.homomorphic;
  const { degree, primeBits, scaleBits } = parametersOf(config.homomorphic, series.set);
  // A sum shows the coefficients at multiples of the stride: two for each number of the window, padded.
  const opened = Math.min(degree, 2 * 2 ** Math.ceil(Math.log2(numbersOf(series, windowSlots(config)))));
  // The encryption of zero that is added before opening is one more fresh ciphertext.
  const variance = (maxMeters + 1) * freshVariance(degree, primeBits.at(-1) ?? 0);
  const needed = sigmaBitsFor(variance, statisticalBits, openings, opened);
  const affordable = Math.log2(SUM_ERROR_WH / TAIL) + scaleBits - Math.log2((config.system.threshold * opened) / 2) / 2;
  return Math.max(0, needed - affordable);
}

const SETS = SET_NAMES.map((name) => `homomorphic.${name}`);

export const CKKS_CHECKS: readonly Check[] = [
  ...SET_NAMES.map(secure),
  {
    fields: ["system.production", "homomorphic.insecureForTests"],
    rule: "A production system has no parameters for tests",
    fault: ({ system: { production }, homomorphic: { insecureForTests } }) =>
      unless(!production || !insecureForTests, "a production system never accepts parameters below 128-bit security"),
  },
  {
    fields: ["homomorphic.sets"],
    rule: "A set is dealt once",
    fault: ({ homomorphic: { sets } }) =>
      unless(new Set(sets).size === sets.length, `a set is listed twice: ${sets.join(", ")}`),
  },
  {
    fields: ["homomorphic.series", "homomorphic.sets"],
    rule: "Each series uses a set that is dealt",
    fault: (config) =>
      firstFault(config, (name, { set }) =>
        unless(config.homomorphic.sets.includes(set), `the series ${name} needs the set ${set}, which is not dealt`),
      ),
  },
  {
    fields: ["homomorphic.series"],
    rule: "Levels belong to buckets, and rise",
    fault: (config) =>
      firstFault(config, (name, { content, levels }) => {
        if ((content === "buckets") !== (levels !== undefined)) return `the series ${name}: levels belong to buckets`;
        const rising = levels?.every((level, i) => i === 0 || level > levels[i - 1]!) ?? true;
        return unless(rising, `the series ${name}: the levels must rise`);
      }),
  },
  {
    fields: ["homomorphic.windowDays", "homomorphic.series", "system.slotSeconds", ...SETS],
    rule: "A window fits the slots of a ciphertext",
    fault: (config) =>
      firstFault(config, (name, series) => {
        const slots = windowSlots(config);
        const numbers = numbersOf(series, slots);
        const room = config.homomorphic[series.set].degree / 2;
        const days = `${config.homomorphic.windowDays} days (up to ${slots} slots)`;
        return unless(
          numbers <= room,
          `${days} of the series ${name} are ${numbers} numbers; a ciphertext of ${series.set} holds ${room}`,
        );
      }),
  },
  {
    fields: ["homomorphic.series", "homomorphic.maxMeters", "homomorphic.maxReadingWh", ...SETS],
    rule: "The largest sum fits the modulus at the scale",
    fault: (config) =>
      firstFault(config, (name, series) => {
        const { maxMeters } = config.homomorphic;
        const parameters = parametersOf(config.homomorphic, series.set);
        // One bit for the sign.
        const bits = Math.log2(maxMeters * largestNumber(series, config.homomorphic)) + parameters.scaleBits + 1;
        const room = dataBits(parameters, levelOf(series, parameters));
        return unless(
          bits <= room,
          `a sum of ${maxMeters} meters of the series ${name} takes ${Math.ceil(bits)} bits, ${series.set} has ${room}`,
        );
      }),
  },
  {
    fields: [
      ...["homomorphic.series", "homomorphic.statisticalBits", "homomorphic.openings", "homomorphic.maxMeters"],
      ...["homomorphic.windowDays", "system.slotSeconds", "system.threshold", ...SETS],
    ],
    rule: "Flooding that hides the key leaves sums right to half a watt-hour",
    fault: (config) => {
      const { enabled, statisticalBits, openings } = config.homomorphic;
      const [worst] = seriesOf(config)
        .filter(([, { content }]) => enabled && content !== "peak")
        .map(([name, series]) => ({ name, lacking: lackingFloodingBits(config, series) }))
        .sort((a, b) => b.lacking - a.lacking);
      if (worst === undefined || worst.lacking === 0) return undefined;
      const { name, lacking } = worst;
      return (
        `${statisticalBits} bits over ${openings} openings lack ${lacking.toFixed(1)} bits for the series ${name}: ` +
        `homomorphic.statisticalBits of ${Math.floor(statisticalBits - lacking)}, fewer openings, or more scale would do`
      );
    },
  },
  {
    fields: ["homomorphic.series", "homomorphic.sets", ...SETS],
    rule: "Ciphertexts have room for the proof that their meter made them",
    fault: (config) =>
      firstFault(config, (name, series) => {
        const parameters = parametersOf(config.homomorphic, series.set);
        const lacking = lackingAuthorshipBits(parameters, levelOf(series, parameters));
        return unless(
          lacking === 0,
          `${Math.ceil(lacking)} bits of primes lack for the series ${name} under ${series.set}: larger data primes, or a smaller special one`,
        );
      }),
  },
  {
    fields: ["homomorphic.windowDays", "homomorphic.graceSlots", "aggregator.windowSlots", "system.slotSeconds"],
    rule: "Aggregators still accept the digest of a window when it is complete",
    fault: (config) => {
      const slots = windowSlots(config) + config.homomorphic.graceSlots;
      const { windowSlots: accepted } = config.aggregator;
      return unless(
        slots <= accepted || !config.homomorphic.enabled,
        `a window and its grace time are up to ${slots} slots, aggregators accept ${accepted}`,
      );
    },
  },
  {
    fields: ["homomorphic.windowDays", "meter.historyDays"],
    rule: "The history covers a window",
    fault: ({ homomorphic: { windowDays }, meter: { historyDays } }) =>
      unless(windowDays < historyDays, `${historyDays} days of history do not cover a window of ${windowDays} days`),
  },
  {
    fields: ["analytics.jobs", "homomorphic.series"],
    rule: "Jobs name series that meters encrypt",
    fault: ({ analytics: { jobs }, homomorphic: { series } }) => {
      for (const { circuit, series: named } of jobs) {
        const names = [named].flat();
        const unknown = names.find((name) => !Object.hasOwn(series, name));
        if (unknown !== undefined) return `a job ${circuit} takes the series ${unknown}: no such series`;
        if (new Set(names).size !== names.length) return `a job ${circuit} takes the same series twice`;
      }
      return undefined;
    },
  },
  {
    fields: ["analytics.jobs"],
    rule: "A job's group lists a feeder once",
    fault: ({ analytics: { jobs } }) => {
      const twice = jobs.find(({ group }) => typeof group !== "string" && new Set(group).size !== group.length);
      return unless(twice === undefined, `a job ${twice?.circuit} lists a feeder twice`);
    },
  },
];
