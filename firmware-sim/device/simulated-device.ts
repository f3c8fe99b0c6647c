/**
 * One meter's device on simulated time: how wrong its clock is, when it reboots and when its supply fails. Events come
 * from a substream per day, so any day can be asked after a crash without the days before it.
 */
import { nameOf, PURPOSES, RandomStream } from "../loads/random.ts";
import { budgetOf, radioOf } from "./budget.ts";
import { DEFAULT_USE, type DeviceReport, type DeviceUse, modelDevice } from "./device-model.ts";

export interface DeviceOptions {
  readonly seed: string | number;
  readonly meter: string;
  /** Names in the budget table; `atmega328p` and `wired` by default. */
  readonly device?: string;
  readonly radio?: string;
  readonly use?: Partial<DeviceUse>;
  /** Restarts without loss of supply: watchdog, update. */
  readonly rebootsPerYear?: number;
  readonly brownOutsPerYear?: number;
  readonly brownOutSeconds?: number;
}

export interface DeviceEvent {
  readonly kind: "reboot" | "brown-out";
  /** Unix seconds at which the device stops. */
  readonly at: number;
  /** Until it runs again; within the same UTC day. What it had in RAM is lost. */
  readonly downSeconds: number;
}

const DAY_SECONDS = 86_400;
const DAYS_PER_YEAR = 365.25;

export class SimulatedDevice {
  readonly meter: string;
  /** Fixed error of this device's clock in parts per million; positive: fast. */
  readonly driftPpm: number;
  /** Modelled cost of a reading. */
  readonly report: DeviceReport;
  private readonly options: DeviceOptions;
  private readonly bootSeconds: number;

  /** Throws RangeError on an unknown device or radio, or a use or rate out of range. */
  constructor(options: DeviceOptions) {
    const budget = budgetOf(options.device ?? "atmega328p");
    for (const name of ["rebootsPerYear", "brownOutsPerYear", "brownOutSeconds"] as const) {
      const value = options[name] ?? 0;
      if (!(value >= 0 && value <= 1e5)) throw new RangeError(`${name}: expected 0 to 100000, got ${value}`);
    }
    this.options = options;
    this.meter = options.meter;
    this.bootSeconds = budget.bootMs / 1000;
    this.report = modelDevice(budget, radioOf(options.radio ?? "wired"), { ...DEFAULT_USE, ...options.use });
    const normal = this.stream(-1).normal();
    // The tolerance of a part is a bound; within it parts crowd around zero.
    this.driftPpm = budget.oscillatorPpm * Math.max(-1, Math.min(1, normal / 3));
  }

  /** What the device's clock shows at a true time, having been set right at `syncedAt` (both in Unix seconds). */
  clockAt(trueTime: number, syncedAt: number): number {
    if (trueTime < syncedAt) throw new RangeError(`trueTime: expected at least ${syncedAt}, got ${trueTime}`);
    return trueTime + (trueTime - syncedAt) * this.driftPpm * 1e-6;
  }

  /** Seconds after setting until the clock is wrong by `seconds`; infinite for a perfect one. */
  secondsUntilWrongBy(seconds: number): number {
    return seconds / (Math.abs(this.driftPpm) * 1e-6);
  }

  /** Reboots and brown-outs with from <= at < to (Unix seconds), in order of time, never overlapping. */
  *events(from: number, to: number): Generator<DeviceEvent> {
    for (let day = Math.floor(from / DAY_SECONDS); day * DAY_SECONDS < to; day += 1) {
      for (const event of this.eventsOfDay(day)) {
        if (event.at >= from && event.at < to) yield event;
      }
    }
  }

  private eventsOfDay(day: number): DeviceEvent[] {
    const { rebootsPerYear = 2, brownOutsPerYear = 1, brownOutSeconds = 30 } = this.options;
    const stream = this.stream(day);
    const end = (day + 1) * DAY_SECONDS;
    const drawn: DeviceEvent[] = [];
    const draw = (kind: DeviceEvent["kind"], perYear: number, meanSeconds: number): void => {
      for (let left = stream.poisson(perYear / DAYS_PER_YEAR); left > 0; left -= 1) {
        const at = day * DAY_SECONDS + stream.uniform() * DAY_SECONDS;
        const downSeconds = this.bootSeconds + stream.exponential(meanSeconds);
        drawn.push({ kind, at, downSeconds: Math.min(downSeconds, end - at) });
      }
    };
    draw("reboot", rebootsPerYear, 0);
    draw("brown-out", brownOutsPerYear, brownOutSeconds);
    drawn.sort((a, b) => a.at - b.at);
    // A device that is down cannot go down again.
    let upAt = 0;
    return drawn.filter((event) => {
      if (event.at < upAt) return false;
      upAt = event.at + event.downSeconds;
      return true;
    });
  }

  private stream(index: number): RandomStream {
    return new RandomStream().enter(nameOf(String(this.options.seed)), nameOf(this.meter), index, PURPOSES.device);
  }
}
