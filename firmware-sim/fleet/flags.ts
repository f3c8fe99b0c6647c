/** The flags of `npm run fleet`. */
import type { CommandFlag } from "../../config/runtime/role.ts";

export const FLEET_FLAGS: readonly CommandFlag[] = [
  { flags: "--meters <number>", description: "simulated meters", path: "simulation.meters" },
  {
    flags: "--emulated <number>",
    description: "of them, real binaries of the firmware on emulated chips",
    path: "simulation.emulated",
  },
  { flags: "--feeders <number>", description: "feeders they hang on", path: "simulation.feeders" },
  { flags: "--heads", description: "a simulated meter at the head of each feeder", path: "simulation.heads" },
  { flags: "--theft <list>", description: "such as bypass:m-003:0.5@2 (docs/balance.md)", path: "simulation.theft" },
  { flags: "--days <number>", description: "simulated days", path: "simulation.days" },
  { flags: "--start <date>", description: "first simulated day", path: "simulation.start" },
  { flags: "--aggregators <number>", description: "aggregators (n)", path: "system.aggregators" },
  { flags: "--threshold <number>", description: "aggregators that are enough (t)", path: "system.threshold" },
  { flags: "--speed <factor>", description: "simulated seconds per second, or max", path: "simulation.speed" },
  { flags: "--seed <number>", description: "seed of everything random", path: "simulation.seed" },
  {
    flags: "--network <name>",
    description: "link of the meters: perfect, lan, lte, nbiot, lossy",
    path: "simulation.network",
  },
  {
    flags: "--broker <engine>",
    description: "embedded, mosquitto or nats (three nodes); a program of this machine",
    path: "simulation.broker",
  },
  { flags: "--hosts <number>", description: "processes that share the meters", path: "simulation.hosts" },
  { flags: "--batch <slots>", description: "slots per share message", path: "meter.batchSlots" },
  { flags: "--period <kind>", description: "what a bill covers: day, month, whole", path: "billing.period" },
  { flags: "--tariff <file>", description: "tariff of every meter", path: "billing.tariff" },
  { flags: "--readings <file>", description: "replay meter,slot_start,energy_wh[,feeder,export_wh] instead" },
  { flags: "--truth <file>", description: "write the readings that were fed" },
  {
    flags: "--duration <seconds>",
    description: "stop feeding after this time; simulates until then unless --days is given",
  },
  { flags: "--no-api", description: "without the HTTP interface", path: "api.enabled" },
  { flags: "--keep-running", description: "leave the servers running at the end, until Ctrl-C" },
  { flags: "--fresh", description: "delete what earlier runs left in the data folder, keys included" },
  { flags: "--without-aggregators <list>", description: "enrol but do not start these, e.g. 3 or 2,3" },
];
