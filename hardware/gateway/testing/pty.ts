/** A cable between two pseudo-terminals, made by socat, that can be pulled out and put back. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Line, openSerialPort } from "../serial-port.ts";

const RATE = { baudRate: 115_200, dataBits: 8, parity: "none" } as const;
const PATIENCE_MILLISECONDS = 60_000;

/** Waits until `holds`, without a fixed time; fails where it never does. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await wait(2);
  }
}

export class PtyCable {
  readonly #folder = mkdtempSync(join(tmpdir(), "wv-pty-"));
  #socat: ChildProcess | undefined;
  #far: Line | undefined;

  /** The port that the gateway opens. */
  get port(): string {
    return join(this.#folder, "gateway");
  }

  /** The port of the other end, for a process of its own. */
  get farPort(): string {
    return join(this.#folder, "meter");
  }

  async plugIn(): Promise<void> {
    const ends = [this.port, this.farPort].map((link) => `pty,raw,echo=0,link=${link}`);
    this.#socat = spawn("socat", ends, { stdio: "ignore" });
    await until(() => existsSync(this.port) && existsSync(this.farPort), "socat's terminals");
  }

  /** The other end's bytes, in both directions. */
  async far(): Promise<Line["stream"]> {
    this.#far ??= await openSerialPort(this.farPort, RATE);
    return this.#far.stream;
  }

  /** Sends bytes to the gateway. */
  async send(bytes: Uint8Array): Promise<void> {
    const stream = await this.far();
    await new Promise<void>((resolve, reject) => {
      stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  async unplug(): Promise<void> {
    const socat = this.#socat;
    this.#socat = undefined;
    await this.#far?.close();
    this.#far = undefined;
    if (socat === undefined) return;
    const gone = once(socat, "exit");
    socat.kill();
    await gone;
  }

  async close(): Promise<void> {
    await this.unplug();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
