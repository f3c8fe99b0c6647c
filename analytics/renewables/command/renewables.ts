/** What `npm run renewables` is: its verbs, its flags, and which faults are the user's. */
import { type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import type { RoleCommand } from "../../../config/runtime/role.ts";
import { explained } from "../../command/explained.ts";
import { BUNDLED, GridError, MatpowerError } from "../../grid/index.ts";
import { WeatherFileError } from "../index.ts";
import { runForecast, runHosting, runMix, runWeather } from "./verbs.ts";

const VERBS: Readonly<Record<string, (context: RoleContext, operand: string | undefined) => number>> = {
  weather: runWeather,
  mix: runMix,
  forecast: runForecast,
  hosting: runHosting,
};
/** Files and figures that cannot be are the user's fault, like flags. */
const USAGE = [WeatherFileError, GridError, MatpowerError, RangeError];

async function run(context: RoleContext): Promise<number> {
  const [name = "", ...operands] = context.operands;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined || operands.length > (name === "hosting" ? 1 : 0)) {
    const said = context.operands.join(" ") || "nothing";
    throw new UsageError(`expected one of ${Object.keys(VERBS).join(", ")} (hosting with a case), got ${said}`);
  }
  return explained("renewables", USAGE, () => verb(context, operands[0]));
}

/** The command for `runRole`. */
export const RENEWABLES: RoleCommand = {
  name: "renewables",
  description: "Sun and wind from the weather, their forecast, and how much of them a feeder can take.",
  operands: "[command...]",
  logFiles: false,
  flags: [
    { flags: "--lat <deg>", description: "weather, mix, forecast: north above 0; default 48.2" },
    { flags: "--lon <deg>", description: "weather, mix, forecast: east above 0; default 16.4" },
    { flags: "--from <day>", description: "weather, forecast: first day, UTC; default 2025-06-01, 2025-04-01" },
    { flags: "--days <n>", description: "weather: default 7; forecast: days that are forecast, default 30" },
    { flags: "--slot <seconds>", description: "weather: default 3600" },
    { flags: "--seed <n>", description: "weather, hosting --mode random: default 1" },
    { flags: "--out <file>", description: "weather: writes there instead of to the terminal" },
    { flags: "--weather <file>", description: "mix: CSV as weather writes it, or your own" },
    { flags: "--pv <kW>", description: "mix, forecast: peak of the modules" },
    { flags: "--tilt <deg>", description: "mix, forecast: of the modules, default 30" },
    { flags: "--azimuth <deg>", description: "mix, forecast: from north over east, default 180" },
    { flags: "--wind <kW>", description: "mix, forecast: rated power of the turbines" },
    { flags: "--hub <m>", description: "mix, forecast: height of the hub, default 100" },
    { flags: "--load <kW>", description: "mix: peak of a usual day, default 500" },
    { flags: "--kind <name>", description: "forecast: pv (default) or wind" },
    { flags: "--training-days <n>", description: "forecast: days before the first, default 60" },
    { flags: "--mode <name>", description: "hosting: uniform (default), each or random" },
    { flags: "--load-scale <factor>", description: "hosting: loads while generation peaks, default 0.4" },
    { flags: "--v-max <pu>", description: "hosting: instead of the case's own" },
    {
      flags: "--assumed-ratings",
      description: "hosting: lines without a rating get 1.5 times what the case has them carry",
    },
    { flags: "--step <kW>", description: "hosting: default 1" },
    { flags: "--most <kW>", description: "hosting: default ten times all loads" },
    { flags: "--rollouts <n>", description: "hosting --mode random: default 200" },
    { flags: "--least <kW>", description: "hosting --mode random: smallest installation, default 5" },
    { flags: "--largest <kW>", description: "hosting --mode random: default 100" },
  ],
  help: `Commands:
  weather                   made-up weather as CSV: temperature, clouds, wind, pressure
  mix                       what feeds a load, day by day: sun, wind, the grid
  forecast                  errors of a day ahead, beside persistence, on simulated weather
  hosting CASE|FILE         how much generation a grid takes before a limit breaks

CASE is one of ${BUNDLED.join(", ")}; FILE is a MATPOWER case.

Exit codes: 0 done; 1 something failed; 2 wrong usage, or a file that cannot be used; 130 interrupted.`,
  examples: [
    "npm run renewables -- weather --days 7 --out weather.csv",
    "npm run renewables -- mix --weather weather.csv --pv 800 --wind 600 --load 500",
    "npm run renewables -- forecast --kind wind",
    "npm run renewables -- hosting case33bw --mode random --v-max 1.05",
  ],
  run: (context) => Promise.resolve(run(context)),
};
