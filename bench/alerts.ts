/**
 * What the rules of alerts, as shipped, make of a simulated grid behind the state estimator: how much of what goes wrong is
 * told, how soon, and what is told although nothing is wrong. On seeds that nothing was tuned on.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BundledName,
  bundledGrid,
  type Grid,
  pointName,
  SimulatedScada,
  violationsOf,
} from "../analytics/grid/index.ts";
import {
  type EventType,
  type GridEvent,
  ACCURACY,
  deviations,
  type Sample,
  type SimulatedScan,
} from "../analytics/grid/index.ts";
import { SeededRandom } from "../analytics/grid/random.ts";
import { GridOperation } from "../analytics/grid/service/operation.ts";
import { configSchema } from "../config/schema.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import type { GridState } from "../protocol/grid/index.ts";
import { AlertStore } from "../utility/api/alerts/alert-store.ts";
import { type AlertChange, AlertEngine } from "../utility/api/alerts/engine.ts";
import { type GridNames, gridObservations } from "../utility/api/alerts/grid-signals.ts";
import { readRules } from "../utility/api/alerts/rules-file.ts";
import type { BenchOptions } from "./bench.ts";
import { figure, figuresTable } from "./words.ts";

const GRIDS: readonly BundledName[] = ["demo8", "case14", "case33bw"];
const SEEDS = [8_101, 8_102, 8_103, 8_104];
const SECONDS = 900;
/** Scans between what is made to go wrong, and how many it lasts: an hour and a half of every three hours. */
const EVERY = 12;
const LASTS = 6;

type Wrong = "nothing" | "overload" | "theft" | "dead sensor" | "bad data";
const WRONGS: readonly Wrong[] = ["nothing", "overload", "theft", "dead sensor", "bad data"];

interface Study {
  readonly grid: string;
  readonly wrong: Wrong;
  readonly scans: number;
  /** Times that something was wrong; of them those that an alert was on; of these those by the very rule. */
  readonly events: number;
  readonly told: number;
  readonly named: number;
  /** Scans from the beginning to the alert, in the median. */
  readonly delay: number | undefined;
  /** Alerts of these rules on elements that nothing was wrong with. */
  readonly falseAlarms: number;
  /** By rule, where nothing is wrong. */
  readonly falseByRule: Readonly<Record<string, number>>;
}

/** Rules that name it, and those that at least point at it. */
const NAMED: Record<Wrong, readonly string[]> = {
  nothing: [],
  overload: ["overload", "heavy-overload"],
  theft: ["theft-at-bus"],
  "dead sensor": ["dead-sensor"],
  "bad data": ["bad-data"],
};
const POINTING: Record<Wrong, readonly string[]> = { ...NAMED, theft: ["theft-at-bus", "bad-data"] };

export async function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const scans = quick ? 60 : 240;
  const seeds = quick ? SEEDS.slice(0, 1) : SEEDS;
  const bar = createProgress({ label: "studies", total: GRIDS.length * WRONGS.length, silent: json });
  const studies: Study[] = [];
  for (const grid of GRIDS) {
    for (const wrong of WRONGS) {
      studies.push(studyOf(grid, wrong, scans, seeds));
      bar.update(studies.length);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  bar.stop();
  if (!json) print(studies);
  return { seeds, secondsPerScan: SECONDS, studies };
}

/** One event, and where an alert on it would stand. */
interface Happening {
  readonly fromScan: number;
  readonly elements: Set<string>;
}

function studyOf(name: BundledName, wrong: Wrong, scans: number, seeds: readonly number[]): Study {
  const totals = { events: 0, told: 0, named: 0, falseAlarms: 0 };
  const delays: number[] = [];
  const falseByRule: Record<string, number> = {};
  for (const seed of seeds) {
    const course = new Course(bundledGrid(name), wrong, seed, scans);
    const desk = new Desk(course.planned);
    try {
      const seen = new Map<number, { told: number | undefined; named: boolean }>();
      for (let scan = 0; scan < scans; scan++) {
        const { simulated, now } = course.next();
        const { fired, open } = desk.scan(simulated);
        if (now !== undefined) {
          const one = seen.get(now.fromScan) ?? { told: undefined, named: false };
          const on = open.filter(({ rule, element }) => POINTING[wrong].includes(rule) && now.elements.has(element));
          if (on.length > 0) one.told ??= scan - now.fromScan;
          one.named ||= on.some(({ rule }) => NAMED[wrong].includes(rule));
          seen.set(now.fromScan, one);
        }
        for (const { rule, element } of fired) {
          if (wrong !== "nothing" && (!POINTING[wrong].includes(rule) || now?.elements.has(element) === true)) continue;
          totals.falseAlarms += 1;
          falseByRule[rule] = (falseByRule[rule] ?? 0) + 1;
        }
      }
      for (const { told, named } of seen.values()) {
        totals.events += 1;
        totals.told += Number(told !== undefined);
        totals.named += Number(named);
        if (told !== undefined) delays.push(told);
      }
    } finally {
      desk.close();
    }
  }
  delays.sort((a, b) => a - b);
  return { grid: name, wrong, scans: scans * seeds.length, ...totals, delay: delays[delays.length >> 1], falseByRule };
}

/** Scans of a day's course in which one thing goes wrong every now and then. */
class Course {
  readonly planned: Grid;
  readonly #wrong: Wrong;
  readonly #scada: SimulatedScada;
  readonly #schedule: readonly GridEvent[];
  readonly #bad: { readonly point: string; readonly off: number }[] = [];
  #scan = 0;

  constructor(grid: Grid, wrong: Wrong, seed: number, scans: number) {
    const random = new SeededRandom(seed);
    this.#wrong = wrong;
    const spans = Array.from({ length: Math.floor(scans / EVERY) }, (_, i) => i * EVERY + LASTS);
    const type = ({ theft: "theft", "dead sensor": "dead-sensor" } as Partial<Record<Wrong, EventType>>)[wrong];
    const loads = grid.buses.filter(({ loadMw }) => loadMw > 0).map(({ id }) => id);
    this.#schedule =
      type === undefined
        ? []
        : spans.map((fromScan) => ({
            ...{ type, element: random.pick(loads), size: random.uniform(0.3, 0.8), fromScan, scans: LASTS },
          }));
    // An overload is drawn in the scan that it begins, when it is known how much it takes.
    const drawn = wrong === "overload" ? { eventRate: 0.15, eventTypes: ["overload"] as const } : {};
    this.#scada = new SimulatedScada({ grid, seed, intervalSeconds: SECONDS, schedule: this.#schedule, ...drawn });
    this.planned = this.#scada.planned;
    if (wrong !== "bad data") return;
    const deviation = deviations(this.planned, ACCURACY);
    const first = new SimulatedScada({ grid, seed }).next().scan.samples;
    // Temperatures and breakers are not estimated; they are held against currents.
    const points = first.filter(({ kind }) => kind !== "temperature" && kind !== "breaker");
    for (const _ of spans) {
      const { kind, element } = random.pick(points);
      const off = deviation(kind, element) * random.uniform(10, 40) * (random.chance(0.5) ? 1 : -1);
      this.#bad.push({ point: pointName({ kind, element }), off });
    }
  }

  next(): { readonly simulated: SimulatedScan; readonly now: Happening | undefined } {
    const scan = this.#scan++;
    const simulated = this.#scada.next();
    const { truth } = simulated;
    if (this.#wrong === "overload") {
      const [event] = truth.events;
      const over = violationsOf(truth.grid, truth.result).overloads.map(({ branch }) => `branch:${branch}`);
      return {
        simulated,
        now: event && over.length > 0 ? { fromScan: event.fromScan, elements: new Set(over) } : undefined,
      };
    }
    const index = Math.floor(scan / EVERY);
    const fromScan = index * EVERY + LASTS;
    if (scan < fromScan) return { simulated, now: undefined };
    const event = this.#schedule[index];
    if (event !== undefined) {
      const sensors = ["demand", "reactive_demand"].map((kind) => `sensor:${kind}:${event.element}`);
      return { simulated, now: { fromScan, elements: new Set([`bus:${event.element}`, ...sensors]) } };
    }
    const bad = this.#bad[index];
    if (bad === undefined) return { simulated, now: undefined };
    const samples = simulated.scan.samples.map(
      (sample): Sample => (pointName(sample) === bad.point ? { ...sample, value: sample.value + bad.off } : sample),
    );
    return {
      simulated: { ...simulated, scan: { ...simulated.scan, samples } },
      now: { fromScan, elements: new Set([`sensor:${bad.point}`]) },
    };
  }
}

/** From scans to alerts, as in operation but for the wires between. */
class Desk {
  readonly #folder = mkdtempSync(join(tmpdir(), "wv-bench-alerts-"));
  readonly #operation: GridOperation;
  readonly #names: GridNames;
  readonly #engine: AlertEngine;
  #fired: AlertChange["alert"][] = [];
  #sequence = 0;

  constructor(grid: Grid) {
    const settings = { ...configSchema.parse({}).grid, scada: "csv" as const };
    this.#operation = new GridOperation({ grid, assumedRatings: true, shares: [], settings, slotSeconds: SECONDS });
    this.#names = { digest: "bench", buses: grid.buses, branches: grid.branches } as unknown as GridNames;
    this.#engine = new AlertEngine({
      rules: readRules(configSchema.parse({}).alerts.rules),
      store: AlertStore.open(join(this.#folder, "alerts.db")),
      now: () => 0,
      retentionDays: 1,
      onChange: ({ change, alert }) => {
        if (change === "fired") this.#fired.push(alert);
      },
    });
  }

  scan({ scan }: SimulatedScan): {
    readonly fired: readonly AlertChange["alert"][];
    readonly open: readonly AlertChange["alert"][];
  } {
    const { believed, findings, findingsLeftOut } = this.#operation.scan({
      ...{ time: scan.time, seconds: SECONDS, loads: [], released: [], faults: [], scan },
    });
    this.#fired = [];
    if (believed !== undefined) {
      const state: GridState = {
        ...believed,
        ...{
          case: "bench",
          topology: "bench",
          sequence: ++this.#sequence,
          publishedAt: 0,
          source: "csv",
          assumedRatings: true,
        },
        loads: { source: "sensors", slotStart: null, feeders: 0, factor: 1, stale: false },
        ...{ switching: null, findings: [...findings], findingsLeftOut },
      };
      for (const observed of gridObservations(state, this.#names)) this.#engine.observe(observed);
    }
    const open = this.#engine.store.open(0).filter(({ state }) => state === "firing");
    return { fired: this.#fired, open };
  }

  close(): void {
    this.#engine.store.close();
    rmSync(this.#folder, { recursive: true });
  }
}

function print(studies: readonly Study[]): void {
  const percent = (part: number, whole: number): string => (whole === 0 ? "" : `${figure((100 * part) / whole)} %`);
  const rows = studies.map(({ grid, wrong, scans, events, told, named, delay, falseAlarms, falseByRule }) => [
    ...[`${grid}, ${wrong}`, events, told, percent(told, events), named, delay ?? ""],
    ...[falseAlarms, figure((1_000 * falseAlarms) / scans, 1)],
    wrong === "nothing"
      ? Object.entries(falseByRule)
          .map(([rule, count]) => `${rule} ${count}`)
          .join(", ")
      : "",
  ]);
  const head = ["alerts", "events", "told", "rate", "by name", "delay", "false", "per 1,000 scans", "by rule"];
  process.stdout.write(`${figuresTable(head, rows)}\n`);
  process.stdout.write(
    `Shipped rules; scans of ${SECONDS} s, delays in scans. Seeds ${SEEDS[0]} to ${SEEDS.at(-1)}.\n`,
  );
}
