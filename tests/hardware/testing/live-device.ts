/**
 * An emulated device at the far end of a pseudo-terminal, so that the real serial driver talks to the real binary. Its
 * time is the real one times `speed`.
 */
import { EmulatedDevice } from "../../../firmware-sim/emulator/emulated-device.ts";
import { loadFirmware } from "../../../firmware-sim/emulator/firmware.ts";
import { PtyCable } from "../../../hardware/gateway/testing/pty.ts";

const STEP_MILLISECONDS = 2;

export class LiveDevice {
  readonly cable = new PtyCable();
  readonly device: EmulatedDevice;
  /** Everything that went over the line, in both directions. */
  readonly traffic: Buffer[] = [];
  speed = 1;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;
  #out: Buffer[] = [];

  constructor(random: () => number, image?: Uint8Array) {
    this.device = new EmulatedDevice({
      ...{ program: loadFirmware(), random, image },
      onData: (bytes) => this.#out.push(Buffer.from(bytes)),
    });
  }

  get port(): string {
    return this.cable.port;
  }

  /** Plugs the device in and lets it live. */
  async start(): Promise<void> {
    await this.cable.plugIn();
    const far = await this.cable.far();
    far.on("data", (chunk: Buffer) => {
      this.traffic.push(Buffer.from(chunk));
      this.device.line.send(chunk);
    });
    this.#last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      const seconds = ((now - this.#last) / 1_000) * this.speed;
      this.#last = now;
      this.device.run(seconds);
      for (const bytes of this.#out.splice(0)) {
        this.traffic.push(bytes);
        far.write(bytes);
      }
    }, STEP_MILLISECONDS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.cable.close();
  }
}
