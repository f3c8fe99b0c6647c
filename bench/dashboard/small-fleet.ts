/** A real small fleet for a dashboard to show: two days of simulated homes, ciphertexts, the grid and the HTTP interface. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Flag, loadConfig } from "../../config/index.ts";
import { createLogger } from "../../config/runtime/logger.ts";
import { Fleet } from "../../firmware-sim/fleet/fleet.ts";
import { planGenerated } from "../../firmware-sim/fleet/fleet-plan.ts";

/** Slots in a second while it is watched: released loads follow each other as fast as one may look. */
const SLOTS_PER_SECOND = 4;

export interface SmallFleet {
  readonly address: string;
  readonly data: string;
  /** `mqtt://127.0.0.1:1883`: the listener that anyone may read. */
  readonly publicUrl: string;
  readonly slotSeconds: number;
  readonly timezone: string;
  readonly feeders: number;
  readonly meters: number;
  /** Feeds what it has; resolves when all of it is acknowledged. */
  readonly run: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Started, and nothing fed yet. */
export async function startSmallFleet(quick: boolean): Promise<SmallFleet> {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-bench-dashboard-"));
  const [meters, feeders] = [20, 3];
  const set = {
    "paths.data": join(folder, "data"),
    "paths.logs": join(folder, "logs"),
    "paths.results": join(folder, "results"),
    "broker.tlsPort": 0,
    "broker.wssPort": 0,
    "broker.publicPort": 0,
    "api.port": 0,
    // Five of them are looked through at once, page after page.
    "api.requestsPerMinute": 100_000,
    "simulation.meters": meters,
    "simulation.feeders": feeders,
    "simulation.days": quick ? 1 : 2,
    "simulation.speed": 900 * SLOTS_PER_SECOND,
    "rounds.loadEverySlots": 1,
    "grid.scanSeconds": 1,
    "grid.optimiseSeconds": 10,
    "logging.level": "warn",
  };
  const flags = Object.entries(set).map(([path, value]): Flag => ({ name: "bench", path, value }));
  const config = loadConfig({ env: {}, profile: "demo", flags });
  const fleet = new Fleet({
    config,
    plan: await planGenerated(config, undefined),
    log: createLogger(config, "bench", { files: false, stderr: "silent" }).log,
  });
  const stop = async (): Promise<void> => {
    await fleet.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await fleet.enrol();
    await fleet.start();
    const { api } = fleet;
    if (api === undefined) throw new Error("the fleet has no HTTP interface");
    return {
      ...{ address: api.address, data: config.paths.data, publicUrl: `mqtt://127.0.0.1:${fleet.ports.public}` },
      ...{ slotSeconds: config.system.slotSeconds, timezone: config.system.timezone, feeders, meters },
      run: async () => {
        await fleet.run();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
