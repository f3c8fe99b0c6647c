/** The stores that may be on a server, by the names under which `npm run database` knows them. */
import { indexOfAggregator } from "../../protocol/names.ts";
import type { Config } from "../schema.ts";
import { accountsPlace, alertsPlace, analyticsPlace, gridPlace, releasesPlace, storePlace } from "./place.ts";

export interface StoreOf {
  /** Where the configuration has it. */
  readonly place: (config: Pick<Config, "storage" | "paths">) => string;
  /** The program of the party that makes its tables. */
  readonly maker: string;
  /** Tables that it has had from its first version on, and no other store has: a copy without them is another party's. */
  readonly marks: readonly string[];
  /** What is done in it when a copy is put back. */
  readonly onRestore?: string;
}

const STORES: Readonly<Record<string, StoreOf>> = {
  utility: {
    place: (config) => storePlace(config, "utility", "utility.db"),
    maker: "utility/store/make-tables.ts",
    marks: ["meta", "rounds"],
  },
  api: { place: accountsPlace, maker: "utility/api/access/make-tables.ts", marks: ["accounts", "sessions"] },
  analytics: { place: analyticsPlace, maker: "analytics/store/make-tables.ts", marks: ["ciphertexts", "jobs"] },
  "analytics-releases": {
    place: releasesPlace,
    maker: "analytics/releases/make-tables.ts",
    marks: ["releases", "meta"],
  },
  "analytics-grid": {
    place: gridPlace,
    maker: "analytics/grid/service/make-tables.ts",
    marks: ["history", "feeder_loads"],
  },
  "api-alerts": { place: alertsPlace, maker: "utility/api/alerts/make-tables.ts", marks: ["alerts", "silences"] },
};

/** An aggregator has to know that it may have forgotten what it endorsed (aggregator/release/lost-history.ts). */
const RESTORED = `
  CREATE TABLE IF NOT EXISTS restored (one INTEGER PRIMARY KEY CHECK (one = 1), before_slot INTEGER) STRICT;
  INSERT INTO restored (one, before_slot) VALUES (1, NULL) ON CONFLICT (one) DO UPDATE SET before_slot = NULL`;

/** Those with names of their own; aggregators are a-1 to a-7. */
export const STORE_NAMES: readonly string[] = Object.keys(STORES);

/** Undefined for a name that is none of them. */
export function storeOf(name: string): StoreOf | undefined {
  if (indexOfAggregator(name) === undefined) return Object.hasOwn(STORES, name) ? STORES[name] : undefined;
  return {
    place: (config) => storePlace(config, name, "aggregator.db"),
    maker: "aggregator/store/make-tables.ts",
    marks: ["own_boot", "journal"],
    onRestore: RESTORED,
  };
}
