/**
 * Released feeder loads for Home Assistant: from the public topics of the parties' broker to the broker of Home
 * Assistant. A total here counts the slots that came by while this ran; each is counted once.
 */
import { feederLoad } from "../../../protocol/messages/public.ts";
import { parseTopic } from "../../../protocol/topics.ts";
import type { ShownDevice } from "./discovery.ts";
import type { HomeAssistantPublisher } from "./publisher.ts";
import type { Totals } from "./totals.ts";

export interface ReleasedValuesOptions {
  readonly publisher: Pick<HomeAssistantPublisher, "announce" | "state">;
  readonly totals: Totals;
  readonly refused: (code: string, detail?: string) => void;
}

const WH_PER_KWH = 1_000;

export class ReleasedValues {
  readonly #options: ReleasedValuesOptions;
  readonly #states = new Map<string, Record<string, number>>();

  constructor(options: ReleasedValuesOptions) {
    this.#options = options;
  }

  /** A message on a public topic. Never throws: what is no feeder load is counted. */
  take(topic: string, payload: Uint8Array): void {
    const { totals, refused, publisher } = this.#options;
    const parsed = parseTopic(topic);
    const load = feederLoad.safeParse(parseJson(payload));
    if (parsed?.name !== "feederLoad" || !load.success || load.data.feederId !== parsed.parameters.feeder) {
      refused("bad-load", topic);
      return;
    }
    const { feederId, slotStart, energyWh, exportWh, powerW } = load.data;
    const total = totals.slot(`${feederId} import`, slotStart, energyWh);
    if (total === undefined) {
      refused("slot-again", topic);
      return;
    }
    const state = this.#states.get(feederId) ?? {};
    const known = Object.keys(state).length;
    state["importKwh"] = total / WH_PER_KWH;
    state["powerW"] = powerW;
    const exported = exportWh === null ? undefined : totals.slot(`${feederId} export`, slotStart, exportWh);
    if (exported !== undefined) state["exportKwh"] = exported / WH_PER_KWH;
    this.#states.set(feederId, state);
    if (Object.keys(state).length > known) publisher.announce(feederDevice(feederId, state));
    publisher.state(deviceId(feederId), state);
  }
}

/** A feeder may have the name of a meter. */
const deviceId = (feeder: string): string => `feeder-${feeder}`;

const SENSORS = {
  importKwh: { name: "Energy", shows: "total" },
  exportKwh: { name: "Export", shows: "total" },
  powerW: { name: "Mean power of the slot", shows: "power" },
} as const;

function feederDevice(feeder: string, state: Readonly<Record<string, number>>): ShownDevice {
  const fields = (Object.keys(SENSORS) as (keyof typeof SENSORS)[]).filter((field) => field in state);
  return {
    id: deviceId(feeder),
    name: `Feeder ${feeder}`,
    model: "released loads",
    sensors: fields.map((field) => ({ field, ...SENSORS[field] })),
  };
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return undefined;
  }
}
