/** A port with a real meter that speaks of its registers: telegrams in, samples to its agent, numbers to the household. */
import { join } from "node:path";
import { openDatabase } from "../../config/runtime/database.ts";
import { ShownMeter } from "./home-assistant/shown-meter.ts";
import { Totals } from "./home-assistant/totals.ts";
import { askerOf, type MeterKind, ratesOf, readerOf } from "./kinds.ts";
import { type LoneAgent, startAgent } from "./lone-agent.ts";
import { MeterFeed } from "./meter-feed.ts";
import { MeterLine } from "./meter-line.ts";
import { printedTelegram } from "./printed.ts";
import type { TimedRegisters } from "./register-filter.ts";
import { keepOpen, type Station, type StationOptions } from "./station.ts";

/** Runs a real meter's port. */
export function realMeter(kind: MeterKind): Station {
  return async (options, signal) => {
    const { context, settings, log, print } = options;
    const { gateway } = context.config;
    const household = print === undefined ? openHousehold(options) : undefined;
    const feed = new MeterFeed({
      ...slotRules(options),
      clockSeconds: gateway.clockSeconds,
      now: options.now,
      log,
      sample: (registers) => household?.sample(registers),
      shown: (registers, powerW) => household?.shown?.take(registers, powerW),
    });
    const line = new MeterLine({
      rates: ratesOf(settings),
      reader: readerOf({ ...settings, kind }),
      ask: askerOf(settings),
      askSeconds: gateway.askSeconds,
      onTelegram: (telegram) => {
        print?.(printedTelegram(settings.meter, telegram, options.now()));
        feed.take(telegram);
      },
      log,
      baudSeconds: gateway.baudSeconds,
      silentSeconds: gateway.silentSeconds,
    });
    const user = {
      rate: () => line.rate(),
      opened: (...args: Parameters<MeterLine["opened"]>) => line.opened(...args),
      closed: (byUs: boolean) => {
        line.closed(byUs);
        feed.flush();
        household?.shown?.lost();
      },
    };
    await untilEither(household, (stop) => keepOpen(options, user, stop), signal);
  };
}

/** The rules of slots, from the configuration. */
export function slotRules({ context: { config } }: StationOptions) {
  const { slotSeconds } = config.system;
  const { boundaryTolerance, maxIntervalWh } = config.meter;
  return { slotSeconds, toleranceSeconds: boundaryTolerance * slotSeconds, maxIntervalWh };
}

export interface Household {
  readonly shown: ShownMeter | undefined;
  readonly agent: LoneAgent;
  /** Hands a sample to the agent; one that cannot be is counted. */
  sample(registers: TimedRegisters): void;
  close(): Promise<void>;
}

/** Starts the agent of a meter, and what shows it. Throws KeyFolderError, StorageError. */
export function openHousehold(options: StationOptions): Household {
  const { context, settings, log, homeAssistant } = options;
  const { slotSeconds, maxIntervalWh } = slotRules(options);
  const { everySeconds, power } = context.config.homeAssistant;
  const { meter } = settings;
  const agent = startAgent(context, meter);
  // Until it is waited for.
  agent.ended.catch(() => undefined);
  const database =
    homeAssistant === undefined
      ? undefined
      : openDatabase(join(context.config.paths.data, meter, "shown.db"), { synchronous: "FULL", alone: true });
  const shown =
    homeAssistant === undefined || database === undefined
      ? undefined
      : new ShownMeter({
          ...{ meter, everySeconds, power },
          publisher: homeAssistant,
          totals: new Totals(database),
          mostWhPerSecond: maxIntervalWh / slotSeconds,
        });
  return {
    shown,
    agent,
    sample: (registers) => {
      try {
        agent.sample(registers);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        log.refused("register-range", error.message);
      }
    },
    close: async () => {
      await agent.stop().catch(() => undefined);
      database?.close();
    },
  };
}

/** Keeps the port until the signal, or until the agent cannot go on; then rejects with its error. */
export async function untilEither(
  household: Household | undefined,
  keep: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  household?.agent.ended.catch(() => failed.abort());
  try {
    await keep(AbortSignal.any([signal, failed.signal]));
  } finally {
    await household?.close();
  }
  if (failed.signal.aborted) await household?.agent.ended;
}
