/** `npm run flash`: writes the committed firmware to a board with avrdude. */
import { join } from "node:path";
import { runRole, UsageError } from "../../config/runtime/role-command.ts";
import { avrdudeArguments, flash, type FlashOptions, publishedHash } from "./flash.ts";

const FIRMWARE = join(import.meta.dirname, "..", "firmware", "wattveil.hex");
const BAUD = 115_200;

await runRole({
  name: "flash",
  description: "Writes the firmware to an ATmega328P board (Arduino Uno or Nano) through its boot loader.",
  flags: [
    { flags: "--port <port>", description: "serial port of the board, for example /dev/ttyACM0", required: true },
    {
      flags: "--hex <file>",
      description: "a firmware of your own instead of the published one; its hash is not checked",
    },
    { flags: "--programmer <name>", description: "avrdude's programmer (arduino: the board's boot loader)" },
    { flags: "--baud <rate>", description: `baud rate of the boot loader (${BAUD}; old Nanos 57600)` },
    { flags: "--dry-run", description: "checks the firmware and prints avrdude's arguments" },
  ],
  examples: ["npm run flash -- --port /dev/ttyACM0", "npm run flash -- --port /dev/ttyUSB0 --baud 57600 --dry-run"],
  logFiles: false,
  run: async ({ options, json }) => {
    const own = options["hex"] as string | undefined;
    const baud = (options["baud"] as string | undefined) ?? String(BAUD);
    if (!/^[1-9]\d{2,6}$/.test(baud)) throw new UsageError(`--baud: expected a baud rate, got ${baud}`);
    const choice: FlashOptions = {
      port: options["port"] as string,
      hex: own ?? FIRMWARE,
      sha256: own === undefined ? publishedHash(`${FIRMWARE}.sha256`) : undefined,
      programmer: (options["programmer"] as string | undefined) ?? "arduino",
      baud: Number(baud),
      dryRun: options["dryRun"] === true,
    };
    const { bytes } = await flash(choice);
    const command = ["avrdude", ...avrdudeArguments(choice)];
    const done = choice.dryRun ? `would run: ${command.join(" ")}` : `written and verified: ${bytes} bytes`;
    process.stdout.write(json ? `${JSON.stringify({ ...choice, bytes, command })}\n` : `${done}\n`);
  },
});
