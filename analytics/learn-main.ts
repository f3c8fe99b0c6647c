/** `npm run learn -- tradeoff`: what privacy costs federated forecasts, measured and drawn. */
import { runRole, type RoleContext, UsageError } from "../config/runtime/role-command.ts";
import { runTradeoff } from "./federated/tradeoff/command.ts";

/** By the first operand. */
const COMMANDS: Readonly<Record<string, (context: RoleContext) => Promise<number>>> = { tradeoff: runTradeoff };

await runRole({
  name: "learn",
  description: "Federated forecasts with differential privacy: what they cost and what they are worth.",
  operands: "<command>",
  logFiles: false,
  flags: [
    { flags: "--readings <file>", description: "meter,slot_start,energy_wh ...; simulated homes when left out" },
    { flags: "--weather <file>", description: "slot_start,temperature_c, as forecast the day before" },
    { flags: "--simulated", description: "says in the report that the readings of the file are simulated" },
    { flags: "--quick", description: "few homes, rounds and seeds: under a minute, not to be quoted" },
    { flags: "--fresh", description: "forgets results of runs before; else only what is missing is run" },
  ],
  help: `Commands:
  tradeoff    sweeps epsilon, homes, clip, bits and drop-outs over several seeds, in this process; writes
              tradeoff.json, tradeoff.html and charts into results/learning`,
  examples: [
    "npm run learn -- tradeoff --quick",
    "npm run learn -- tradeoff",
    "npm run learn -- tradeoff --readings readings.csv --weather weather.csv --set system.slotSeconds=900",
  ],
  run: async (context) => {
    const [name = "", ...rest] = context.operands;
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined || rest.length > 0) {
      const got = context.operands.join(" ");
      throw new UsageError(
        `expected one command of ${Object.keys(COMMANDS).join(", ")}, got ${got === "" ? "none" : got}`,
      );
    }
    return command(context);
  },
});
