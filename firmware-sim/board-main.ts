/** `npm run board`: a simulated board on a pseudo-terminal, for everyone without one at hand. */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { aborted } from "../config/runtime/stop-signal.ts";
import { Board, BoardError } from "./board/board.ts";

const MOST_WATTS = 100_000;
const MOST_PULSES = 100_000;

function numberOf(options: RoleContext["options"], flag: string, byDefault: number, most: number): number {
  const text = options[flag];
  const value = Number(text ?? byDefault);
  if (Number.isFinite(value) && value >= 0 && value <= most && text !== "") return value;
  throw new UsageError(`--${flag}: expected a number from 0 to ${most}, got ${JSON.stringify(text)}`);
}

async function run({ options, config, json, signal, log }: RoleContext): Promise<number> {
  const port = resolve(String(options["port"]));
  const eepromFile = resolve((options["eeprom"] as string | undefined) ?? `${config.paths.data}/board.eeprom`);
  const watts = numberOf(options, "watts", 500, MOST_WATTS);
  const pulsesPerKwh = numberOf(options, "pulsesPerKwh", 1_000, MOST_PULSES);
  const jumper = options["jumper"] === true;
  mkdirSync(dirname(eepromFile), { recursive: true });
  const random = (): number => randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
  let board: Board;
  try {
    board = new Board({ port, eepromFile, watts, pulsesPerKwh, jumper, random });
    let lost: BoardError | undefined;
    const stopped = new AbortController();
    signal.addEventListener("abort", () => stopped.abort(), { once: true });
    await board.plugIn((error) => {
      lost = error;
      stopped.abort();
    });
    log.info({ port, watts, pulsesPerKwh, jumper }, "simulated board plugged in");
    if (!json) {
      const set = jumper ? "jumper set: it can be provisioned" : "no jumper";
      process.stdout.write(
        `simulated board on ${port}, ${watts} W as ${pulsesPerKwh} pulses per kWh, ${set}; Ctrl-C unplugs it\n`,
      );
    }
    await aborted(stopped.signal);
    await board.unplug();
    if (lost !== undefined) throw lost;
  } catch (error) {
    if (error instanceof BoardError) throw new UsageError(error.message);
    throw error;
  }
  if (json) process.stdout.write(`${JSON.stringify({ port, eeprom: eepromFile, pulses: board.pulses })}\n`);
  return EXIT.ok;
}

await runRole({
  name: "board",
  description: "A simulated board with the committed firmware on a pseudo-terminal, in real time.",
  logFiles: false,
  flags: [
    { flags: "--port <path>", description: "where the terminal appears, as in /tmp/board", required: true },
    { flags: "--jumper", description: "the jumper is set, as it must be to provision or erase the device" },
    { flags: "--watts <number>", description: "a constant load on its pulse input (default 500)" },
    { flags: "--pulses-per-kwh <number>", description: "of the meter that it counts (default 1000)" },
    {
      flags: "--eeprom <file>",
      description: "what it remembers between runs (default: board.eeprom in the data folder)",
    },
  ],
  help: `The very image that is flashed runs on an emulated ATmega328P; provision it, and open it with the gateway, like a
real one. Its memory is a file with keys in it: nobody should rely on it for real readings. Needs socat.

Exit codes: 0 unplugged by Ctrl-C; 2 wrong usage, no socat, or the terminal went away.`,
  examples: [
    "npm run board -- --port /tmp/board --jumper",
    "npm run gateway -- provision --port /tmp/board --meter m-001 --pulses-per-kwh 1000",
    "npm run board -- --port /tmp/board --watts 2000",
  ],
  run,
});
