/** A simulated board on a pseudo-terminal: the committed firmware on an emulated chip, in real time, that any program opens. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { ConstantLoad, pulsesAt } from "./constant-load.ts";
import { EmulatedDevice } from "../emulator/emulated-device.ts";
import { loadFirmware } from "../emulator/firmware.ts";

export class BoardError extends Error {
  override readonly name = "BoardError";
}

export interface BoardOptions {
  /** Where the terminal appears. */
  readonly port: string;
  /** Keeps the EEPROM between runs; a new one is blank. */
  readonly eepromFile: string;
  /** A constant load, as pulses on the input. */
  readonly watts: number;
  readonly pulsesPerKwh: number;
  /** The jumper that lets a device be provisioned or erased. */
  readonly jumper: boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

const STEP_MILLISECONDS = 5;
/** After a pause of the machine the device catches up, but not with what would take it long. */
const MOST_STEP_SECONDS = 5;
const SAVE_MILLISECONDS = 1_000;
const APPEARS_MILLISECONDS = 10_000;

/** S0 (IEC 62053-31): a pulse of at least 30 ms, and as long a pause. */
const MOST_PULSES_PER_SECOND = 16;

export class Board {
  readonly #options: BoardOptions;
  readonly #device: EmulatedDevice;
  #socat: ChildProcess | undefined;
  #timers: NodeJS.Timeout[] = [];
  #changed = false;

  /** Throws BoardError for a port that is there already, and for a file that is no EEPROM. */
  constructor(options: BoardOptions) {
    this.#options = options;
    const { port, eepromFile, random, watts, pulsesPerKwh } = options;
    if (pulsesAt(1, watts, pulsesPerKwh) >= MOST_PULSES_PER_SECOND) {
      const most = `an S0 output gives fewer than ${MOST_PULSES_PER_SECOND} pulses a second`;
      throw new BoardError(`${watts} W at ${pulsesPerKwh} pulses per kWh are too many: ${most}`);
    }
    if (existsSync(port)) throw new BoardError(`${port} is there already: another board's, or a real one`);
    const image = existsSync(eepromFile) ? readFileSync(eepromFile) : undefined;
    try {
      this.#device = new EmulatedDevice({
        ...{ program: loadFirmware(), image, random },
        onData: (bytes) => void this.#socat?.stdin?.write(bytes),
      });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new BoardError(`${eepromFile}: ${error.message}`);
    }
    this.#device.machine.eeprom.onChange = () => (this.#changed = true);
    this.#device.setJumper(options.jumper);
  }

  get pulses(): number {
    return this.#device.pulses.begun;
  }

  /** Resolves when the terminal is there. `lost` is called when it goes away by itself. */
  async plugIn(lost: (error: BoardError) => void): Promise<void> {
    const { port } = this.#options;
    const socat = spawn("socat", [`pty,raw,echo=0,link=${port}`, "STDIO"], { stdio: ["pipe", "pipe", "ignore"] });
    this.#socat = socat;
    socat.stdin.on("error", () => undefined);
    socat.stdout.on("data", (chunk: Buffer) => this.#device.line.send(chunk));
    let ended: string | undefined;
    socat.once("error", (error: NodeJS.ErrnoException) => {
      ended = error.code === "ENOENT" ? "socat is not installed (apt install socat)" : error.message;
    });
    socat.once("exit", (code) => {
      ended ??= `socat ended with ${code ?? "a signal"}`;
      if (this.#timers.length > 0) lost(new BoardError(`${port}: ${ended}`));
    });
    for (let waited = 0; !existsSync(port); waited += STEP_MILLISECONDS) {
      if (ended !== undefined) throw new BoardError(`${port}: ${ended}`);
      if (waited > APPEARS_MILLISECONDS) throw new BoardError(`${port}: no terminal appeared`);
      await wait(STEP_MILLISECONDS);
    }
    this.#live();
  }

  #live(): void {
    const { watts, pulsesPerKwh } = this.#options;
    const load = new ConstantLoad(this.#device, watts, pulsesPerKwh);
    let last = performance.now();
    const step = (): void => {
      const now = performance.now();
      load.run(Math.min(MOST_STEP_SECONDS, (now - last) / 1_000));
      last = now;
    };
    this.#timers = [setInterval(step, STEP_MILLISECONDS), setInterval(() => this.#save(), SAVE_MILLISECONDS)];
  }

  #save(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const { eepromFile } = this.#options;
    // It holds keys.
    writeFileSync(`${eepromFile}.new`, this.#device.machine.eeprom.image(), { mode: 0o600 });
    renameSync(`${eepromFile}.new`, eepromFile);
  }

  /** Like pulling the cable out: the supply goes with it. */
  async unplug(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    this.#save();
    const socat = this.#socat;
    // Undefined, or over.
    if (socat?.exitCode !== null || socat.signalCode !== null) return;
    const gone = once(socat, "exit");
    socat.kill();
    await gone;
    rmSync(this.#options.port, { force: true });
  }
}
