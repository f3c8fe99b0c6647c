/**
 * A port with bare pulses: counted into a register of their own, which is sampled at each slot boundary. A slot in which
 * nobody listened for a while is a gap: what was not counted is not known, and must not pass for a reading.
 */
import { join } from "node:path";
import { openDatabase } from "../../config/runtime/database.ts";
import { ratesOf } from "./kinds.ts";
import { PulseCounter } from "./pulse-counter.ts";
import { PulseLine } from "./pulse-line.ts";
import { openHousehold, slotRules, untilEither } from "./real-meter.ts";
import { keepOpen, type Station } from "./station.ts";

const monotonic = (): number => performance.now();

/** Runs a pulse input. */
export const pulseMeter: Station = async (options, signal) => {
  const { context, settings, log, now, print } = options;
  const { gateway, paths, homeAssistant } = context.config;
  const { slotSeconds } = slotRules(options);
  const rate = ratesOf(settings)[0]!;
  const debounceMilliseconds = settings.port.startsWith("gpio:") ? 0 : gateway.debounceMilliseconds;
  if (print !== undefined) {
    let pulses = 0;
    const take = (count: number): void => {
      pulses += count;
      print({ time: now(), meter: settings.meter, pulses });
    };
    await keepOpen(options, new PulseLine({ rate, debounceMilliseconds, monotonic, log, pulses: take }), signal);
    return;
  }
  const file = join(paths.data, settings.meter, "pulses.db");
  const database = openDatabase(file, { synchronous: "FULL", alone: true });
  const household = openHousehold(options);
  const counter = new PulseCounter({
    database,
    pulsesPerKwh: settings.pulsesPerKwh!,
    saveSeconds: gateway.pulseSaveSeconds,
    monotonic,
  });
  let open = false;
  // The slot of the start was not listened to from its beginning.
  let whole = false;
  const line = new PulseLine({
    ...{ rate, debounceMilliseconds, monotonic, log },
    pulses: (count) => {
      log.count("pulses", count);
      counter.add(count);
    },
  });
  const user = {
    rate: () => line.rate(),
    opened: (...args: Parameters<PulseLine["opened"]>) => {
      open = true;
      line.opened(...args);
    },
    closed: () => {
      open = false;
      whole = false;
      line.closed();
      household.shown?.lost();
    },
  };
  const boundaries = everySlot(slotSeconds, now, (time) => {
    if (whole) {
      // First to disk: after a power cut the register must not stand below what the agent has seen.
      counter.save();
      household.sample({ time, importWh: counter.registerWh });
    } else log.refused("slot-not-whole", "nobody listened for a part of this slot");
    whole = open;
  });
  const shower = setInterval(() => {
    if (open) household.shown?.take({ time: now(), importWh: counter.registerWh }, undefined);
  }, homeAssistant.everySeconds * 1_000);
  try {
    await untilEither(household, (stop) => keepOpen(options, user, stop), signal);
  } finally {
    boundaries.stop();
    clearInterval(shower);
    counter.save();
    database.close();
  }
};

/** Calls back at each slot boundary, with the time as it is then. */
function everySlot(slotSeconds: number, now: () => number, act: (time: number) => void): { stop: () => void } {
  let timer: NodeJS.Timeout;
  const arm = (from: number): void => {
    const next = (Math.floor(from / slotSeconds) + 1) * slotSeconds;
    timer = setTimeout(
      () => {
        // Timers may come a moment early.
        const time = Math.max(now(), next);
        act(time);
        arm(time);
      },
      Math.max(0, Math.ceil((next - now()) * 1_000)),
    );
  };
  arm(now());
  return { stop: () => clearTimeout(timer) };
}
