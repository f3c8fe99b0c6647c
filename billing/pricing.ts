/** What energy costs, as exact fractions of a micro-unit: prices are per kWh, energy is in Wh, thresholds per period. */
import { type Rational, rational } from "./tariffs/rational.ts";
import type { Band } from "./tariffs/tariff.ts";

const WH_PER_KWH = 1000n;

/** How much of the billing period's thresholds counts: all of it unless the tariff changed its version inside. */
export interface Proration {
  readonly days: number;
  readonly periodDays: number;
}

/** The price of energy without tiers. */
export function priceOf(energyWh: bigint, microPerKwh: bigint): Rational {
  return rational(energyWh * microPerKwh, WH_PER_KWH);
}

/**
 * The price of a band's energy through its tiers. With a version that holds for part of the period only, thresholds
 * shrink in proportion to the days, exactly: 100 kWh a month are 100 * 10/31 kWh for ten days of March.
 */
export function priceOfBand(band: Band, energyWh: bigint, proration: Proration): Rational {
  const days = BigInt(proration.days);
  const periodDays = BigInt(proration.periodDays);
  // Everything times periodDays, so that prorated thresholds are integers too.
  const energy = energyWh * periodDays;
  let lower = 0n;
  let cost = 0n;
  for (const tier of band.tiers) {
    const upper = tier.uptoWh === undefined ? energy : tier.uptoWh * days;
    const reached = energy < upper ? energy : upper;
    if (reached > lower) cost += (reached - lower) * tier.priceMicroPerKwh;
    lower = upper;
  }
  return rational(cost, WH_PER_KWH * periodDays);
}
