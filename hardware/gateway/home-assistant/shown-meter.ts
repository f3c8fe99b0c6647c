/** What a household is shown of one real meter of its own: totals that never dip, and the present power. */
import type { TimedRegisters } from "../register-filter.ts";
import type { ShownDevice } from "./discovery.ts";
import type { HomeAssistantPublisher } from "./publisher.ts";
import type { Totals } from "./totals.ts";

export interface ShownMeterOptions {
  readonly meter: string;
  readonly publisher: Pick<HomeAssistantPublisher, "announce" | "state" | "available">;
  readonly totals: Totals;
  readonly mostWhPerSecond: number;
  readonly everySeconds: number;
  /** Shows the present power, where the meter tells it. */
  readonly power: boolean;
}

const WH_PER_KWH = 1_000;

export class ShownMeter {
  readonly #options: ShownMeterOptions;
  readonly #values: Record<string, number> = {};
  #next = Number.NEGATIVE_INFINITY;

  constructor(options: ShownMeterOptions) {
    this.#options = options;
  }

  take(registers: TimedRegisters, powerW: number | undefined): void {
    const { meter, publisher, totals, mostWhPerSecond, everySeconds, power } = this.#options;
    const { time, importWh, exportWh } = registers;
    // A clock that was set back must not silence a meter.
    if (time < this.#next && time > this.#next - everySeconds) return;
    this.#next = time + everySeconds;
    const total = (name: string, registerWh: number): number =>
      totals.register(name, registerWh, time, mostWhPerSecond) / WH_PER_KWH;
    const before = Object.keys(this.#values).length;
    // What one telegram leaves out stays as it was: a sensor does not come and go.
    this.#values["importKwh"] = total(`${meter} import`, importWh);
    if (exportWh !== undefined) this.#values["exportKwh"] = total(`${meter} export`, exportWh);
    if (power && powerW !== undefined) this.#values["powerW"] = powerW;
    const fields = Object.keys(this.#values);
    if (fields.length > before) publisher.announce(meterDevice(meter, fields));
    publisher.state(meter, this.#values);
  }

  /** The port is gone, or the meter silent. */
  lost(): void {
    this.#options.publisher.available(this.#options.meter, false);
  }
}

const SENSORS = {
  importKwh: { name: "Import", shows: "total" },
  exportKwh: { name: "Export", shows: "total" },
  powerW: { name: "Power", shows: "power" },
} as const;

function meterDevice(meter: string, fields: readonly string[]): ShownDevice {
  const known = Object.keys(SENSORS) as (keyof typeof SENSORS)[];
  return {
    id: meter,
    name: `Meter ${meter}`,
    model: "electricity meter",
    sensors: known.filter((field) => fields.includes(field)).map((field) => ({ field, ...SENSORS[field] })),
  };
}
