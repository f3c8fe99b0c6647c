/**
 * `npm run forecast -- --readings FILE`: how well a model forecasts the next day, beside what needs no model; and
 * `npm run forecast -- predict --model-dir DIR --readings FILE`: the next day. It reads files; it asks no other party.
 */
import { runRole } from "../config/runtime/role-command.ts";
import { runForecast } from "./forecast/command.ts";

await runRole({
  name: "forecast",
  description: "Evaluates day-ahead forecasts of a household or a feeder, and forecasts the next day.",
  operands: "[command]",
  logFiles: false,
  flags: [
    {
      flags: "--readings <file>",
      description: "meter,slot_start,energy_wh[,feeder], as the fleet writes",
      required: true,
    },
    { flags: "--weather <file>", description: "slot_start,temperature_c, as forecast the day before" },
    { flags: "--model <kind>", description: "linear (default), dense or gru" },
    { flags: "--feeder <id>", description: "the sum of a feeder's meters; of all meters when left out" },
    { flags: "--meter <id>", description: "one household" },
    { flags: "--homes", description: "every household by itself, with one model for all of them" },
    { flags: "--quantiles", description: "also the quantiles 0.1 to 0.9" },
    { flags: "--test-days <days>", description: "days at the end that are forecast (default 28)" },
    { flags: "--refit <days>", description: "trained again after so many of them (default 7)" },
    { flags: "--epochs <number>", description: "of the first training of a network" },
    { flags: "--rows <number>", description: "at most so many rows are learned from, drawn (default 40000)" },
    { flags: "--seed <number>", description: "seed of initial weights and of the order of rows (default 1)" },
    { flags: "--backend <name>", description: "node, wasm or cpu; the fastest that works when left out" },
    { flags: "--save <dir>", description: "saves the model, trained on all days (tfjs format)" },
    { flags: "--model-dir <dir>", description: "predict: a folder that --save wrote" },
    { flags: "--date <date>", description: "predict: the local day; the first after the readings when left out" },
  ],
  help: `Commands:
  (none)         evaluates by rolling origin: each day is forecast from the days before it
  predict        forecasts a day with a saved model

Exit codes: 0 done; 1 something failed; 2 wrong usage, or a file that cannot be used; 130 interrupted.`,
  examples: [
    "npm run loads -- --homes 20 --days 70 --out readings.csv --weather weather.csv",
    "npm run forecast -- --readings readings.csv --weather weather.csv --feeder f-1 --quantiles",
    "npm run forecast -- --readings readings.csv --homes --model dense",
    "npm run forecast -- --readings readings.csv --save model",
    "npm run forecast -- predict --model-dir model --readings readings.csv --json",
  ],
  run: runForecast,
});
