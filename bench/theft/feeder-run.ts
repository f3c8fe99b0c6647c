/**
 * One simulated feeder under the detector: its homes, line and meters are drawn from a seed that nothing was tuned on,
 * a thief may be among them, and meters are cut off now and then as honest ones are.
 */
import { HeadModel } from "../../firmware-sim/feeder/head-model.ts";
import { counted, type Theft } from "../../firmware-sim/feeder/thefts.ts";
import { nameOf, PURPOSES, RandomStream } from "../../firmware-sim/loads/random.ts";
import { type BalanceAlert, type DetectorSettings, NEW_DETECTOR, watch } from "../../utility/balance/detector.ts";
import { type Line, technicalLossW } from "../../utility/balance/loss.ts";
import { type Homes, PER_DAY, SLOT_SECONDS } from "./homes.ts";

export interface FeederRun {
  readonly seed: number;
  readonly homes: number;
  readonly days: number;
  /** Its meter is the first of the feeder. */
  readonly theft?: Omit<Theft, "meter"> | undefined;
  readonly settings: DetectorSettings;
  readonly line: Line;
  /** Told of an alert; true ends the run. */
  readonly alerted: (alert: BalanceAlert) => boolean;
}

/** Honest interruptions of one meter in a year, and their mean length in slots. */
const CUTS_PER_YEAR = 4;
const CUT_SLOTS = 12;

/** Slots of the run begin with 0; alerts name those. */
export function runFeeder(pool: Homes, run: FeederRun): void {
  const { seed, days, theft, settings, line } = run;
  const hours = SLOT_SECONDS / 3_600;
  const draw = new RandomStream().enter(nameOf(String(seed)), nameOf("feeder"), 0, PURPOSES.home);
  const drawn = Array.from({ length: pool.count }, (_, home) => ({ home, order: draw.next() }));
  const homes = drawn.sort((a, b) => a.order - b.order).slice(0, run.homes);
  const shift = Math.floor(draw.between(0, pool.days / 7)) * 7 * PER_DAY;
  const cut = homes.map(() => 0);
  const consumed = (meter: number, slot: number) => pool.read(homes[meter]!.home, slot + shift);
  const meters = homes.map(({ home }) => `m-${home}`);
  const head = new HeadModel({ seed, feeder: "f-1", meters, slotSeconds: SLOT_SECONDS, line, consumed });
  const register = { importWh: 0, exportWh: 0 };
  let state = NEW_DETECTOR;
  for (let slot = 0; slot < days * PER_DAY; slot++) {
    const through = head.energyAt(slot);
    const before = netRegister(register);
    register.importWh += through.importWh;
    register.exportWh += through.exportWh;
    const headWh = netRegister(register) - before;
    let complete = true;
    const load = { importWh: 0, exportWh: 0 };
    for (let meter = 0; meter < homes.length; meter++) {
      if (cut[meter]! > 0) cut[meter]!--;
      else if (draw.uniform() < CUTS_PER_YEAR / 365 / PER_DAY) cut[meter] = Math.ceil(draw.exponential(CUT_SLOTS));
      const energy = consumed(meter, slot);
      const shown = meter === 0 && theft !== undefined ? counted(energy, theft, slot / PER_DAY, PER_DAY) : energy;
      if (cut[meter]! > 0 || shown === undefined) complete = false;
      else {
        load.importWh += shown.importWh;
        load.exportWh += shown.exportWh;
      }
    }
    const netWh = load.importWh - load.exportWh;
    const residualWh = complete
      ? headWh - netWh - technicalLossW(netWh / hours, homes.length, line) * hours
      : undefined;
    const found = watch(state, { slot, residualWh, ...load, meters: homes.length }, settings);
    state = found.state;
    for (const alert of found.alerts) if (run.alerted(alert)) return;
  }
}

/** Registers count whole watt-hours. */
function netRegister({ importWh, exportWh }: { importWh: number; exportWh: number }): number {
  return Math.floor(importWh) - Math.floor(exportWh);
}
