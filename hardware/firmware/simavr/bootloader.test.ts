// needs: make cc simavr avr-gcc avrdude
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { COMMITTED_HEX, make, withBuildFolder } from "../build/toolchain.ts";
import { encodeHostFrame, FrameDecoder, parseDeviceFrame } from "../../link/index.ts";
import { Simulator } from "./simulator.ts";

const run = promisify(execFile);
const WATCHDOG_MS = 3_000;

test("avrdude uploads the committed image through an Uno's bootloader, which then starts it", async () => {
  await withBuildFolder(async (folder) => {
    await make(folder, "runner", "optiboot.hex");
    const chip = new Simulator(join(folder, "runner"), join(folder, "optiboot.hex"));
    try {
      // The bootloader listens for a second after a reset by pin, which a programmer pulls by DTR; a pty has no such line.
      await chip.reset();
      const tty = join(folder, "tty");
      await chip.withTerminal(tty, () =>
        run("avrdude", [
          ...["-p", "atmega328p", "-c", "arduino", "-P", tty, "-b", "115200", "-D"],
          ...["-U", `flash:w:${COMMITTED_HEX}:i`],
        ]),
      );

      const binary = join(folder, "committed.bin");
      await run("avr-objcopy", ["-I", "ihex", "-O", "binary", COMMITTED_HEX, binary]);
      const image = await readFile(binary);
      assert.deepEqual((await chip.flash()).subarray(0, image.length), image);

      // avrdude's farewell makes the bootloader reset the chip by its watchdog; then the firmware says who it is.
      await chip.runMs(WATCHDOG_MS);
      await chip.send(encodeHostFrame({ kind: "ask", what: "identity" }));
      const { sent } = await chip.runMs(100);
      const said = new FrameDecoder().push(sent).map((frame) => parseDeviceFrame(frame));
      assert.deepEqual(
        said.map(({ kind }) => kind),
        ["identity", "reply"],
      );
    } finally {
      await chip.stop();
    }
  });
});
