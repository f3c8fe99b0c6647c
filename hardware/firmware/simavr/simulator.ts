/**
 * A simulated ATmega328P: firmware in, pins and serial bytes in and out, on the chip's own time. Drives the C program
 * runner.c, whose commands are described there; built by the Makefile.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export const CPU_HZ = 16_000_000;

/** What the chip did under one value of GPIOR0 (avr/board.h). */
export interface Mark {
  readonly cycles: number;
  readonly times: number;
}

/** RAM in bytes: static data, the most that static data and stack took together, what was never touched. */
export interface RamUse {
  readonly staticBytes: number;
  readonly usedBytes: number;
  readonly freeBytes: number;
}

export interface Ran {
  /** Cycles since the chip was made. */
  readonly cycle: number;
  /** What it sent meanwhile. */
  readonly sent: Buffer;
}

export interface PulseTrain {
  readonly count: number;
  readonly lowMs: number;
  readonly highMs: number;
}

export class Simulator {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #ended: Promise<unknown>;
  #faults = "";

  /** `runner` is the compiled runner.c, `hex` an Intel hex file; `staticBytes` of RAM belong to the image's data. */
  constructor(runner: string, hex: string, staticBytes = 0) {
    this.#child = spawn(runner, [hex, String(staticBytes)]);
    this.#child.stderr.on("data", (chunk: Buffer) => (this.#faults += chunk.toString("utf8")));
    // A chip that crashed closes its input; the fault is reported where the answer is missing.
    this.#child.stdin.on("error", () => undefined);
    this.#ended = once(this.#child, "close");
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async stop(): Promise<void> {
    this.#child.stdin.end("quit\n");
    await this.#ended;
  }

  /** Bytes arrive on the serial line from now on. */
  async send(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) await this.#ask(`send ${Buffer.from(bytes).toString("hex")}`, "ok");
  }

  async run(cycles: number): Promise<Ran> {
    return ran(await this.#ask(`run ${Math.round(cycles)}`, "ran"));
  }

  async runMs(milliseconds: number): Promise<Ran> {
    return this.run((milliseconds * CPU_HZ) / 1000);
  }

  /** Runs until the chip has sent a zero byte, or for that long. */
  async runToFrame(milliseconds: number): Promise<Ran> {
    return ran(await this.#ask(`frame ${Math.round((milliseconds * CPU_HZ) / 1000)}`, "ran"));
  }

  async pulses({ count, lowMs, highMs }: PulseTrain): Promise<Ran> {
    const [low, high] = [lowMs, highMs].map((ms) => Math.round((ms * CPU_HZ) / 1000));
    return ran(await this.#ask(`pulse ${count} ${low} ${high}`, "ran"));
  }

  /** Drives a pin, such as "D4". */
  async drive(pin: string, level: 0 | 1): Promise<void> {
    await this.#ask(`pin ${pin.charAt(0)} ${pin.slice(1)} ${level}`, "ok");
  }

  /** What the chip did since last asked, by value of GPIOR0. */
  async marks(): Promise<ReadonlyMap<number, Mark>> {
    const fields = (await this.#ask("marks", "marks")).split(" ").filter((field) => field !== "");
    return new Map(
      fields.map((field) => {
        const [value = 0, cycles = 0, times = 0] = field.split(":").map(Number);
        return [value, { cycles, times }];
      }),
    );
  }

  async ram(): Promise<RamUse> {
    const [staticBytes = 0, usedBytes = 0, freeBytes = 0] = (await this.#ask("stack", "stack")).split(" ").map(Number);
    return { staticBytes, usedBytes, freeBytes };
  }

  /** What the RAM holds; 0xa5 where it was never written since power came. */
  async memory(): Promise<Buffer> {
    return Buffer.from(await this.#ask("memory", "memory"), "hex");
  }

  async eeprom(): Promise<Buffer> {
    return Buffer.from(await this.#ask("eeprom", "eeprom"), "hex");
  }

  async flash(): Promise<Buffer> {
    return Buffer.from(await this.#ask("flash", "flash"), "hex");
  }

  /** Replaces the EEPROM's contents (1,024 bytes). */
  async loadEeprom(bytes: Uint8Array): Promise<void> {
    await this.#ask(`load ${Buffer.from(bytes).toString("hex")}`, "ok");
  }

  /** Off and on again: RAM is lost, the EEPROM stays. */
  async power(): Promise<void> {
    await this.#ask("power", "ok");
  }

  /** The reset pin, as a programmer pulls it. */
  async reset(): Promise<void> {
    await this.#ask("reset", "ok");
  }

  /** Lends the serial line to a pseudo-terminal named `link`, in step with the wall clock, while `task` runs. */
  async withTerminal<T>(link: string, task: () => Promise<T>): Promise<T> {
    await this.#ask(`pty ${link}`, "ok");
    try {
      return await task();
    } finally {
      await this.#ask("", "ran");
    }
  }

  async #ask(command: string, answer: string): Promise<string> {
    this.#child.stdin.write(`${command}\n`);
    return this.#answer(answer);
  }

  async #answer(expected: string): Promise<string> {
    const next: IteratorResult<string, undefined> = await this.#lines.next();
    if (next.done === true) {
      await this.#ended;
      throw new Error(`the simulated chip ended: ${this.#faults.trim()}`);
    }
    const [word = "", ...rest] = next.value.split(" ");
    if (word !== expected) throw new Error(`the simulated chip answered: ${next.value}`);
    return rest.join(" ");
  }
}

function ran(answer: string): Ran {
  const [cycle = "0", sent = ""] = answer.split(" ");
  return { cycle: Number(cycle), sent: Buffer.from(sent, "hex") };
}
