/**
 * The firmware's Makefile, called from TypeScript: builds into a folder of the caller's, reports sizes, compares with the
 * image that is committed.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const FIRMWARE = join(import.meta.dirname, "..");
/** The committed image, built by gcc-avr 5.4 of Debian 12, and its SHA-256 as `sha256sum` writes it. */
export const COMMITTED_HEX = join(FIRMWARE, "wattveil.hex");
export const COMMITTED_SUM = `${COMMITTED_HEX}.sha256`;

/** What a program of the toolchain said when it failed, or that it is not there. */
export class ToolchainError extends Error {}

/** Bytes that an image takes; RAM without the stack. */
export interface ImageSize {
  readonly flashBytes: number;
  readonly ramBytes: number;
}

/** Runs a program in the firmware's folder; returns what it printed. Throws ToolchainError. */
async function runTool(program: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(program, args, { cwd: FIRMWARE, maxBuffer: 2 ** 24 })).stdout;
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === "ENOENT") throw new ToolchainError(`${program} is not installed`);
    throw new ToolchainError(`${program} ${args.join(" ")} failed:\n${stderr ?? String(error)}`);
  }
}

/** Makes targets of the Makefile into `folder`: "wattveil.hex", "runner", "sketch" and so on. Throws ToolchainError. */
export async function make(folder: string, ...targets: readonly string[]): Promise<void> {
  const goals = targets.map((target) => (target === "sketch" ? target : join(folder, target)));
  await runTool("make", ["--silent", `OUT=${folder}`, ...goals]);
}

/** Gives `task` a folder of its own for what it makes. */
export async function withBuildFolder<T>(task: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "wattveil-firmware-"));
  try {
    return await task(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function sizeOf(elf: string): Promise<ImageSize> {
  const [, row = ""] = (await runTool("avr-size", [elf])).split("\n");
  const [text = 0, data = 0, bss = 0] = row.trim().split(/\s+/).map(Number);
  return { flashBytes: text + data, ramBytes: data + bss };
}

/** The SHA-256 of an image, hexadecimal. */
export function sumOf(image: Uint8Array): string {
  return createHash("sha256").update(image).digest("hex");
}

/** The line of the sum's file. */
export function sumLine(image: Uint8Array): string {
  return `${sumOf(image)}  wattveil.hex\n`;
}

/** How an image differs from the committed one, in words; undefined when it does not. */
export async function differenceFromCommitted(image: Uint8Array): Promise<string | undefined> {
  const [committed, sum] = await Promise.all([readFile(COMMITTED_HEX), readFile(COMMITTED_SUM, "utf8")]);
  if (sum !== sumLine(committed)) return "wattveil.hex.sha256 is not the sum of wattveil.hex";
  if (committed.equals(image)) return undefined;
  const built = Buffer.from(image).toString("latin1").split("\n");
  const line = committed
    .toString("latin1")
    .split("\n")
    .findIndex((text, at) => text !== built[at]);
  return `wattveil.hex is not what its sources give: they differ from line ${line + 1} on`;
}
