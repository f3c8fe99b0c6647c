/**
 * `npm run meter`: one meter on its own, as on a Raspberry Pi; `meter -- bills`, `readings` and `privacy` print what it
 * has. Readings come as JSON lines on standard input or from a file or pipe.
 */
import { METRICS_OFFSETS, type RoleContext, runRole, UsageError } from "../../config/runtime/role-command.ts";
import { meterId } from "../../protocol/names.ts";
import { printable } from "../../protocol/printable.ts";
import { readBills } from "./bills.ts";
import { billsFolder, billsText, ownPrivacy, ownReadings, readingsCsv, simulatedBills } from "./household.ts";
import { statementText } from "./learning/spent.ts";
import { openInput } from "./line-feed.ts";
import { serveMeter } from "./lone-meter.ts";

/** Seconds. */
const DEFAULT_PATIENCE = 30;

const VERBS = ["bills", "readings", "privacy"];

/** One of VERBS: prints, and leaves everything as it is. */
function print({ config, options, operands, json }: RoleContext, id: string): void {
  const [verb] = operands;
  const csv = options["csv"] === true;
  let text: string;
  if (csv && verb !== "readings") throw new UsageError(`${String(verb)}: --csv is for readings; use --json`);
  if (verb === "privacy") {
    const { epsilon, delta } = config.learning;
    const statement = ownPrivacy(config.paths.data, id, { epsilon, delta });
    text = json ? JSON.stringify(statement) : statementText(statement);
  } else if (verb === "bills") {
    const bills = readBills(billsFolder(config.paths.data, id));
    const elsewhere = bills.length === 0 ? simulatedBills(config.paths.data, id) : undefined;
    if (elsewhere !== undefined) process.stderr.write(`${elsewhere}\n`);
    text = json ? JSON.stringify(bills.map(({ bill }) => bill)) : billsText(bills);
  } else {
    const readings = ownReadings(config.paths.data, id, config.system.slotSeconds);
    text = json ? JSON.stringify(readings) : readingsCsv(readings).trimEnd();
  }
  process.stdout.write(`${printable(text)}\n`);
}

async function run(context: RoleContext): Promise<number | undefined> {
  const parsed = meterId.safeParse(context.options["id"]);
  if (!parsed.success) throw new UsageError(`--id: ${parsed.error.issues[0]?.message ?? "no meter id"}`);
  const [verb] = context.operands;
  if (verb !== undefined && !VERBS.includes(verb)) {
    throw new UsageError(`${verb}: expected bills, readings, privacy or nothing`);
  }
  const { csv, input, once, patience } = context.options;
  if (verb !== undefined) {
    const stray = Object.entries({ input, once, patience }).find(([, value]) => value !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray[0]}: not for ${verb}`);
    print(context, parsed.data);
    return undefined;
  }
  if (csv === true) throw new UsageError("--csv: only with the command readings");
  if (patience !== undefined && once !== true) throw new UsageError("--patience: only with --once");
  return await serveMeter(context, parsed.data, {
    input: openInput((input as string | undefined) ?? "-", process.stdin),
    once: once === true,
    patienceSeconds: secondsOf(patience),
  });
}

function secondsOf(text: unknown): number {
  if (text === undefined) return DEFAULT_PATIENCE;
  const seconds = Number(text);
  if (seconds > 0 && Number.isFinite(seconds)) return seconds;
  throw new UsageError(`--patience: expected a number of seconds above 0, got ${JSON.stringify(text)}`);
}

await runRole({
  name: "meter",
  metricsOffset: (_options, [verb]) => (verb === undefined ? METRICS_OFFSETS.meter : undefined),
  description: "One meter: takes register samples or intervals, sends sealed shares, keeps what is not acknowledged.",
  operands: "[command]",
  flags: [
    { flags: "--id <meter>", description: "the meter; its keys are in <data>/keys/<meter>", required: true },
    { flags: "--input <file>", description: "JSON lines; - for standard input (the default)" },
    { flags: "--csv", description: "readings as CSV with the columns of a replay (the default of readings)" },
    { flags: "--once", description: "stop when the input has ended and every slot is settled" },
    {
      flags: "--patience <seconds>",
      description: `--once: give up when nothing settles for so long (${DEFAULT_PATIENCE})`,
    },
  ],
  help: `Commands (without one: run the meter):
  bills      the bills that have come to this household
  readings   the meter's own readings, to check a bill with (npm run bills -- verify); also those of a simulated meter
             of a fleet in the same data folder
  privacy    what it has risked in rounds of learning, of what learning.epsilon allows

Input, one JSON object per line, in the order of time:
  {"slotStart": 1736895600, "energyWh": 123}                 what one slot took, in watt-hours
  {"slotStart": 1736896500, "energyWh": 0, "exportWh": 57}   and what it gave back to the grid
  {"time": 1736895600, "importWh": 48210}                    a counter as it stands; "exportWh" for a second one
slotStart and time are Unix seconds; slotStart is a multiple of the slot (900 s), and "time" close to one, for the
difference of two samples to be a reading. A slot has one reading: those that are taken already are refused.

Exit codes: 0 done; 1 with --once: a line was refused, or not everything was settled; 2 wrong usage or configuration;
130 interrupted before it had stopped.`,
  examples: [
    'echo "{\\"slotStart\\": $(($(date +%s) / 900 * 900 - 900)), \\"energyWh\\": 123}" | npm run meter -- --id m-001 --once',
    "npm run meter -- --id m-001 --input /run/meter.fifo",
    "npm run meter -- readings --id m-001 --csv",
  ],
  party: (options) => String(options["id"]),
  run,
});
