/** `receipt verify`: a customer's check, offline. Needs a receipt, the log's key and nothing of the rest of the system. */
import { existsSync, readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { LogError, type LogPolicy, parseBill, parsePolicy, parseReceipt, type Receipt } from "../protocol/log/index.ts";
import { printable } from "../protocol/printable.ts";
import { checkReceipt, type CheckedReceipt } from "./receipt.ts";
import { type MeterReadings, NO_READINGS, readReadings, ReadingsError } from "./readings-file.ts";
import { TariffError } from "./tariffs/faults.ts";
import { parseTariffYaml } from "./tariffs/load.ts";

export const RECEIPT_EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Wrong use, or a file that cannot be read: exit code 2. */
class ReceiptUsageError extends Error {}

interface VerifyFlags {
  readonly key: string;
  readonly readings?: string;
  readonly tariff?: string;
  readonly json?: boolean;
}

const HELP = `
Says whether the bill is in the log, whether enough witnesses have seen it, and, with readings, whether it follows from
them and the tariff. FILE is the receipt; the key is what \`npm run ledger -- key\` prints, which the utility publishes.

Exit codes: 0 everything holds; 1 the receipt does not prove the bill, or it does not follow from the readings; 2 wrong
usage, a file that is not what it should be, or readings of which none is about what the bill charges.
Examples:
  receipt verify m-001.receipt --key log.key
  receipt verify m-001.receipt --key log.key --readings my.csv --tariff published.yaml`;

/** Runs the command and returns the exit code. `argv` as of a process. */
export async function receiptCommand(argv: readonly string[], write: (text: string) => void): Promise<number> {
  const flags: { values?: VerifyFlags; file?: string } = {};
  const program = new Command("receipt").description("Verifies the receipt of a bill, offline.").exitOverride();
  program.showHelpAfterError("(--help lists the flags)"); // taken over by the command below
  program
    .command("verify <file>")
    .description("checks a receipt")
    .option("-k, --key <file>", "the log's key, or policy with its witnesses", "log.key")
    .option("-r, --readings <csv>", "own readings: meter,slot_start,energy_wh")
    .option("-t, --tariff <file>", "the published tariff, to compare with the receipt's")
    .option("--json", "prints JSON only")
    .exitOverride()
    .addHelpText("after", HELP)
    .action((file: string, values: VerifyFlags) => {
      flags.file = file;
      flags.values = values;
    });
  try {
    program.parse([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? RECEIPT_EXIT.ok : RECEIPT_EXIT.usage;
  }
  try {
    return await verify(flags.file ?? "", flags.values!, write);
  } catch (error) {
    if (!(error instanceof ReceiptUsageError || error instanceof ReadingsError)) throw error;
    process.stderr.write(`receipt: ${printable(error.message)}\n`);
    return RECEIPT_EXIT.usage;
  }
}

async function verify(file: string, flags: VerifyFlags, write: (text: string) => void): Promise<number> {
  const text = read(file);
  const policy = readPolicy(flags.key);
  const receipt = readReceipt(file, text);
  const tariff = flags.tariff === undefined ? undefined : readTariff(flags.tariff);
  const readings = flags.readings === undefined ? undefined : await readingsOf(flags.readings, receipt.bill);
  const checked = checkReceipt(text, { policy, readings, tariff });
  if (flags.json === true) write(`${JSON.stringify(summary(checked))}\n`);
  else write(`${printable(receiptText(checked))}\n`);
  if (checked.findings.length > 0) return RECEIPT_EXIT.failed;
  if (checked.readings !== "none") return RECEIPT_EXIT.ok;
  // Nothing was confirmed: a script must not take that for a yes.
  throw new ReceiptUsageError(`${flags.readings ?? ""} has no row about what this bill charges: is it the right file?`);
}

/** Readings of the bill's meter. What is no bill is for the check to say. */
async function readingsOf(csv: string, text: string): Promise<MeterReadings> {
  let bill: ReturnType<typeof parseBill>;
  try {
    bill = parseBill(text);
  } catch (error) {
    if (error instanceof LogError) return NO_READINGS;
    throw error;
  }
  return (await readReadings(csv, bill.slotSeconds)).get(bill.meterId) ?? NO_READINGS;
}

function readReceipt(file: string, text: string): Receipt {
  try {
    return parseReceipt(text);
  } catch (error) {
    if (error instanceof LogError) throw new ReceiptUsageError(`${file}: ${error.message}`);
    throw error;
  }
}

function readTariff(file: string): string {
  const text = read(file);
  try {
    parseTariffYaml(text, file);
    return text;
  } catch (error) {
    if (error instanceof TariffError) throw new ReceiptUsageError(`--tariff: ${error.message}`);
    throw error;
  }
}

function readPolicy(file: string): LogPolicy {
  if (!existsSync(file)) {
    throw new ReceiptUsageError(`--key: there is no ${file}; expected the log's key, as the utility publishes it`);
  }
  try {
    return parsePolicy(read(file));
  } catch (error) {
    if (error instanceof LogError) throw new ReceiptUsageError(`--key: ${file}: ${error.message}`);
    throw error;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ReceiptUsageError(`${file} cannot be read (${code ?? String(error)})`);
  }
}

function summary({ verified, readings, findings }: CheckedReceipt): Record<string, unknown> {
  if (verified === undefined) return { ok: false, findings };
  const { bill, index, loggedAt, size, origin, cosigned } = verified;
  return {
    ok: findings.length === 0 && readings !== "none",
    readings,
    findings,
    index,
    size,
    origin,
    loggedAt,
    cosigned,
    bill,
  };
}

/** The answer for a person. */
function receiptText({ verified, readings, findings }: CheckedReceipt): string {
  if (verified === undefined) return `This receipt proves nothing: ${findings.join("; ")}`;
  const { bill, index, loggedAt, size, origin, cosigned } = verified;
  const witnesses =
    cosigned.length === 0
      ? "no witness was asked for"
      : `seen by ${cosigned
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ name, time }) => `${name} (${when(time)})`)
          .join(", ")}`;
  const follows = {
    same: "It follows from the readings and the tariff.",
    other: "It does NOT follow from the readings and the tariff:",
    none: "Nothing was compared: no reading is about what it charges.",
    unknown: "It was not compared with readings.",
  }[readings];
  return [
    `${bill.meterId}, ${bill.periodStart} to ${bill.periodEnd}, version ${bill.version}: ${amount(bill.amountMicro)} ${bill.currency}`,
    `In the log ${origin} as entry ${index} of ${size}, written ${when(loggedAt)}; ${witnesses}.`,
    follows,
    ...findings.map((finding) => `  ${finding}`),
  ].join("\n");
}

function when(seconds: number): string {
  return new Date(seconds * 1_000).toISOString();
}

/** Exact: digits are moved, nothing is divided. */
function amount(micro: number): string {
  const text = String(Math.abs(micro)).padStart(7, "0");
  return `${micro < 0 ? "-" : ""}${text.slice(0, -6)}.${text.slice(-6)}`;
}
