import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, test } from "node:test";
import { avrdudeArguments, checkHex, flash, type FlashOptions, publishedHash } from "./flash.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "wv-flash-"));
after(() => rmSync(FOLDER, { recursive: true, force: true }));

const HEX = ":04000000DEADBEEFC4\r\n:00000001FF\r\n";

function file(name: string, text: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, text);
  return path;
}

function options(hex: string, more: Partial<FlashOptions> = {}): FlashOptions {
  return { port: "/dev/null", hex, sha256: undefined, programmer: "arduino", baud: 115_200, dryRun: false, ...more };
}

/** A folder with an avrdude that writes down its arguments and ends with `code`. */
function avrdude(code: number): string {
  const folder = mkdtempSync(join(FOLDER, "bin-"));
  writeFileSync(join(folder, "avrdude"), `#!/bin/sh\necho "$@" > ${folder}/arguments\nexit ${code}\n`, { mode: 0o755 });
  return folder;
}

async function withPath<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = process.env["PATH"];
  process.env["PATH"] = path;
  try {
    return await work();
  } finally {
    process.env["PATH"] = before;
  }
}

test("writes through the boot loader of the board, and says how much", async () => {
  const folder = avrdude(0);
  const hex = file("good.hex", HEX);
  const path = `${folder}${delimiter}${process.env["PATH"] ?? ""}`;
  assert.deepEqual(await withPath(path, () => flash(options(hex))), { bytes: 4 });
  const told = readFileSync(join(folder, "arguments"), "utf8").trim();
  assert.equal(told, `-p atmega328p -c arduino -P /dev/null -b 115200 -D -U flash:w:${hex}:i`);
});

test("refuses a firmware that is not the published one, before anything is written", async () => {
  const folder = avrdude(0);
  const hex = file("other.hex", HEX);
  const sha256 = createHash("sha256").update("another").digest("hex");
  await withPath(folder, () =>
    assert.rejects(flash(options(hex, { sha256 })), /is not the firmware that was published/),
  );
  assert.throws(() => readFileSync(join(folder, "arguments")), /ENOENT/);
  const right = createHash("sha256").update(HEX).digest("hex");
  assert.equal(checkHex(hex, right), 4);
  assert.equal(publishedHash(file("hash", `${right}  wattveil.hex\n`)), right);
  assert.throws(() => publishedHash(file("none", "soon\n")), /expected a SHA-256/);
});

test("refuses a file that is cut off, damaged or missing", () => {
  assert.throws(() => checkHex(file("cut.hex", HEX.split("\r\n")[0]!), undefined), /not complete/);
  assert.throws(() => checkHex(file("bad.hex", HEX.replace("DEAD", "DEAE")), undefined), /line 1 is no record/);
  assert.throws(() => checkHex(file("text.hex", "hello\n"), undefined), /line 1 is no record/);
  assert.throws(() => checkHex(join(FOLDER, "nosuch.hex"), undefined), /there is no such file/);
});

test("without avrdude, or when it fails, it is said in words", async () => {
  const hex = file("again.hex", HEX);
  await withPath(join(FOLDER, "nothing"), () =>
    assert.rejects(flash(options(hex)), /avrdude is not installed \(Debian: apt install avrdude/),
  );
  const path = `${avrdude(1)}${delimiter}${process.env["PATH"] ?? ""}`;
  await withPath(path, () => assert.rejects(flash(options(hex)), /avrdude could not write to \/dev\/null/));
});

test("another programmer erases as it likes", () => {
  assert.equal(avrdudeArguments(options("x.hex", { programmer: "usbasp" })).includes("-D"), false);
});

test("a firmware without an end is refused by its size, not by the memory", () => {
  assert.throws(
    () => checkHex("/dev/zero", undefined),
    /\/dev\/zero: it cannot be read \(larger than 67108864 bytes\)/,
  );
});
