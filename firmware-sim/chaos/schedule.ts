/**
 * What befalls a system during a run, and when: a list of events, drawn from a seed or read from a file. Events are
 * tied to the slots of the run, not to seconds, so that they meet the same work on a slower machine.
 */
import { z } from "zod";
import { parse, stringify } from "yaml";
import { nameOf, PURPOSES, RandomStream } from "../loads/random.ts";

const target = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "the name of a process, such as a-2");
/** Slots of the run that are over when it happens: 0 is before the first one is read. */
const atSlot = z.int().min(0).max(1_000_000);
/** How long it lasts. */
const seconds = z.number().min(0.05).max(600);
const common = { atSlot, target };

const forms = {
  /** SIGKILL; whoever started the process starts it again. */
  kill: z.strictObject({ action: z.literal("kill"), ...common }),
  /** SIGSTOP, and SIGCONT at its end. */
  stop: z.strictObject({ action: z.literal("stop"), ...common, seconds }),
  /** No way to the broker. `silent`: bytes wait; else connections are reset and refused. */
  partition: z.strictObject({ action: z.literal("partition"), ...common, seconds, silent: z.boolean() }),
  /** A slow, lossy link. */
  delay: z.strictObject({
    action: z.literal("delay"),
    ...common,
    seconds,
    latencyMs: z.number().min(0).max(60_000),
    jitterMs: z.number().min(0).max(60_000),
    loss: z.number().min(0).max(0.5),
  }),
  /** Connections are cut between a PUBLISH and its PUBACK, so that it is sent twice. `share` of those that are seen. */
  duplicate: z.strictObject({ action: z.literal("duplicate"), ...common, seconds, share: z.number().min(0).max(1) }),
  /** No room is left for its databases. */
  "disk-full": z.strictObject({ action: z.literal("disk-full"), ...common, seconds }),
  /** Its clocks jump, and jump back: the system's one, and in slots the one that the simulator sets. */
  clock: z.strictObject({
    action: z.literal("clock"),
    ...common,
    seconds,
    wallSeconds: z.number().min(-1e9).max(1e9),
    skewSlots: z.int().min(-1_000).max(1_000),
  }),
} as const;

const chaosEvent = z.discriminatedUnion("action", [
  forms.kill,
  forms.stop,
  forms.partition,
  forms.delay,
  forms.duplicate,
  forms["disk-full"],
  forms.clock,
]);
export type ChaosEvent = z.infer<typeof chaosEvent>;
export type ChaosAction = ChaosEvent["action"];
export const ACTIONS = Object.keys(forms) as ChaosAction[];

const schedule = z.strictObject({
  /** Of the households, and of the events where they were drawn. */
  seed: z.int().min(0).max(4_294_967_295),
  /** Simulated days. */
  days: z.int().min(1).max(3_660),
  broker: z.enum(["embedded", "mosquitto", "nats"]),
  events: z.array(chaosEvent).max(100_000),
});
/** With what a run is reproduced. */
export type Schedule = z.infer<typeof schedule>;

/** A file that is no schedule. */
export class ScheduleError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ScheduleError";
  }
}

/** A process, and what may befall it. */
export interface Target {
  readonly name: string;
  readonly actions: readonly ChaosAction[];
  /** How many slots its simulated clock may be wrong without a result that is not the truth any more. */
  readonly skewSlots: number;
}

export interface DrawOptions {
  readonly seed: number;
  /** Slots of the run. */
  readonly slots: number;
  readonly count: number;
  readonly targets: readonly Target[];
}

/** How often each is drawn, against each other. */
const WEIGHTS: Readonly<Record<ChaosAction, number>> = {
  kill: 5,
  stop: 3,
  partition: 4,
  delay: 2,
  duplicate: 2,
  "disk-full": 2,
  clock: 2,
};
/** Nothing befalls a system that has hardly begun: every process is to be ready once. */
const FIRST_SLOT = 2;
const DAY_SECONDS = 86_400;

/** Draws events in the order of time; the same seed, slots and targets give the same ones. */
export function drawEvents({ seed, slots, count, targets }: DrawOptions): ChaosEvent[] {
  const stream = new RandomStream().enter(nameOf(String(seed)), nameOf("chaos"), 0, PURPOSES.chaos);
  const actions = ACTIONS.filter((action) => targets.some((one) => one.actions.includes(action)));
  if (actions.length === 0 || slots <= FIRST_SLOT) return [];
  const events = Array.from({ length: count }, (): ChaosEvent => {
    const when = Math.floor(stream.between(FIRST_SLOT, slots));
    const action = weighted(actions, stream);
    const able = targets.filter((one) => one.actions.includes(action));
    const victim = able[Math.floor(stream.between(0, able.length))];
    if (victim === undefined) throw new Error(`no process can have ${action}`);
    return drawEvent(action, when, victim, stream);
  });
  return events.sort((a, b) => a.atSlot - b.atSlot);
}

function weighted(actions: readonly ChaosAction[], stream: RandomStream): ChaosAction {
  const sum = actions.reduce((all, action) => all + WEIGHTS[action], 0);
  let left = stream.between(0, sum);
  for (const action of actions) {
    left -= WEIGHTS[action];
    if (left < 0) return action;
  }
  return actions[0] ?? "kill";
}

function drawEvent(action: ChaosAction, when: number, { name, skewSlots }: Target, stream: RandomStream): ChaosEvent {
  const common = { atSlot: when, target: name };
  const lasting = (low: number, high: number) => ({ ...common, seconds: rounded(stream.between(low, high)) });
  switch (action) {
    case "kill":
      return { action, ...common };
    case "stop":
      return { action, ...lasting(0.3, 4) };
    case "partition":
      return { action, ...lasting(0.3, 4), silent: stream.uniform() < 0.5 };
    case "delay": {
      const latencyMs = Math.round(stream.between(20, 400));
      const jitterMs = Math.round(stream.between(0, 200));
      return { action, ...lasting(1, 5), latencyMs, jitterMs, loss: rounded(stream.between(0, 0.1)) };
    }
    case "duplicate":
      return { action, ...lasting(1, 5), share: rounded(stream.between(0.05, 0.5)) };
    case "disk-full":
      return { action, ...lasting(0.3, 3) };
    case "clock": {
      const wallSeconds = Math.round(stream.between(-400 * DAY_SECONDS, 400 * DAY_SECONDS));
      const skew = Math.floor(stream.between(-skewSlots, skewSlots + 1));
      return { action, ...lasting(1, 5), wallSeconds, skewSlots: skew };
    }
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** For a file: one event a line. */
export function formatSchedule({ events, ...rest }: Schedule): string {
  const lines = events.map((event) => `  - ${stringify(event, { collectionStyle: "flow", lineWidth: 0 }).trim()}\n`);
  return `${stringify(rest)}events:${lines.length === 0 ? " []\n" : `\n${lines.join("")}`}`;
}

/** Reads YAML, of which JSON is a part. Throws ScheduleError naming what is wrong. */
export function parseSchedule(text: string, name: string): Schedule {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new ScheduleError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schedule.safeParse(value);
  if (!parsed.success) throw new ScheduleError(`${name} is no schedule: ${z.prettifyError(parsed.error)}`);
  return { ...parsed.data, events: [...parsed.data.events].sort((a, b) => a.atSlot - b.atSlot) };
}

/** `kill a-2`, `stop a-2 for 1.5 s`. */
export function eventText(event: ChaosEvent): string {
  const { action, target: name } = event;
  const lasting = "seconds" in event ? ` for ${event.seconds} s` : "";
  return `${action} ${name}${lasting}${detailsOf(event)}`;
}

function detailsOf(event: ChaosEvent): string {
  switch (event.action) {
    case "partition":
      return event.silent ? ", silently" : "";
    case "delay":
      return `, ${event.latencyMs} ms, ${Math.round(event.loss * 100)} % lost`;
    case "duplicate":
      return `, ${Math.round(event.share * 100)} %`;
    case "clock":
      return `, by ${event.wallSeconds} s and ${event.skewSlots} slots`;
    default:
      return "";
  }
}
