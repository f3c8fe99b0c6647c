/** `npm run firmware -- build | check | budget | sketch`: builds the meter's firmware, compares it, measures it. */
import { copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { budgetPage, describeLimit, holds, limitsOf } from "./budget.ts";
import { measureFirmware, type Measurements } from "./measure.ts";
import {
  COMMITTED_HEX,
  COMMITTED_SUM,
  differenceFromCommitted,
  make,
  sumLine,
  sumOf,
  ToolchainError,
  withBuildFolder,
} from "./toolchain.ts";

const NUMBERS = [2, 3, 5];
const PAGE = "docs/hardware/budget.md";

interface Output {
  readonly json?: boolean;
}

function print(output: Output, figures: object, lines: readonly string[]): void {
  console.log(output.json === true ? JSON.stringify(figures) : lines.join("\n"));
}

async function build(output: Output): Promise<void> {
  await withBuildFolder(async (folder) => {
    await make(folder, "wattveil.hex");
    const image = await readFile(join(folder, "wattveil.hex"));
    const isNew = (await differenceFromCommitted(image).catch(() => "not committed yet")) !== undefined;
    await copyFile(join(folder, "wattveil.hex"), COMMITTED_HEX);
    await writeFile(COMMITTED_SUM, sumLine(image));
    const word = isNew ? "written" : "as it was";
    print(output, { sha256: sumOf(image), changed: isNew }, [`wattveil.hex: ${word}, SHA-256 ${sumOf(image)}`]);
  });
}

async function measured(): Promise<{ difference: string | undefined; measurements: Measurements }> {
  return withBuildFolder(async (folder) => {
    console.error("firmware: builds and measures, this takes some seconds");
    const measurements = await measureFirmware(folder, NUMBERS);
    const difference = await differenceFromCommitted(await readFile(join(folder, "wattveil.hex")));
    return { difference, measurements };
  });
}

function figuresOf({ image, devices }: Measurements): object {
  return { image: { ...image, files: Object.fromEntries(image.files) }, devices };
}

async function check(output: Output): Promise<void> {
  const { difference, measurements } = await measured();
  const limits = limitsOf(measurements);
  const failed = limits.filter((limit) => !holds(limit));
  print(output, { difference, limits, ...figuresOf(measurements) }, [
    difference === undefined ? "holds  wattveil.hex is what its sources give" : `FAILS  ${difference}`,
    ...limits.map(describeLimit),
  ]);
  if (difference !== undefined || failed.length > 0) process.exitCode = 1;
}

async function budget(output: Output): Promise<void> {
  const { difference, measurements } = await measured();
  if (difference !== undefined) throw new ToolchainError(`${difference}; run: npm run firmware -- build`);
  await mkdir(dirname(PAGE), { recursive: true });
  await writeFile(PAGE, budgetPage(measurements));
  print(output, figuresOf(measurements), [`${PAGE} written`]);
}

async function sketch(folder: string, output: Output): Promise<void> {
  const target = resolve(folder, "wattveil");
  await withBuildFolder(async (out) => {
    await make(out, "sketch/wattveil/wattveil.ino");
    await cp(join(out, "sketch/wattveil"), target, { recursive: true });
  });
  print(output, { folder: target }, [`open ${join(target, "wattveil.ino")} in the Arduino IDE`]);
}

const program = new Command("npm run firmware --")
  .description("The firmware of a pulse meter: builds the image, compares it with its sources, measures it.")
  .addHelpText("after", "\nExit codes: 0 done; 1 something failed, a limit is not held; 2 wrong usage.")
  .exitOverride();
const JSON_FLAG = ["--json", "prints JSON only"] as const;
program
  .command("build")
  .description("writes wattveil.hex and its SHA-256 from the sources (make, gcc-avr, avr-libc)")
  .option(...JSON_FLAG)
  .action(build);
program
  .command("check")
  .description("builds again, compares byte by byte, measures on simavr, holds the limits")
  .option(...JSON_FLAG)
  .action(check);
program
  .command("budget")
  .description(`measures the image and writes ${PAGE}`)
  .option(...JSON_FLAG)
  .action(budget);
program
  .command("sketch")
  .description("makes a folder that the Arduino IDE opens: the sketch, and the core that it shares")
  .argument("[folder]", "where the sketch's folder goes", ".")
  .option(...JSON_FLAG)
  .action(sketch);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof ToolchainError) {
    console.error(`firmware: ${error.message}`);
    process.exitCode = 1;
  } else throw error;
}
