/**
 * An emulated device at the far end of a pseudo-terminal, so that the real serial driver talks to the real binary. It
 * lives in real time, or is driven second by second by a test that also moves the system's simulated clock.
 */
import { setTimeout as wait } from "node:timers/promises";
import { EmulatedDevice } from "../../../firmware-sim/emulator/emulated-device.ts";
import { loadFirmware } from "../../../firmware-sim/emulator/firmware.ts";
import { PtyCable } from "../../../hardware/gateway/testing/pty.ts";
import { FrameDecoder, parseDeviceFrame, parseHostFrame, type StatusFrame } from "../../../hardware/link/index.ts";

const STEP_MILLISECONDS = 2;
/** How long an answer may take until the line counts as quiet. */
const QUIET_ROUNDS = 3;
const ROUND_MILLISECONDS = 5;
const ROUND_SECONDS = 0.02;
const PATIENCE_ROUNDS = 500;

export class LiveDevice {
  readonly cable = new PtyCable();
  readonly device: EmulatedDevice;
  /** Everything that went over the line since it was last emptied, in both directions. */
  readonly traffic: Buffer[] = [];
  /** What the device said of itself last. */
  status: StatusFrame | undefined;
  /** Link frames that came down the line. */
  links = 0;
  #bytesIn = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #out: Buffer[] = [];
  #write: (bytes: Buffer) => void = () => undefined;

  constructor(random: () => number) {
    this.device = new EmulatedDevice({
      ...{ program: loadFirmware(), random },
      onData: (bytes) => this.#out.push(Buffer.from(bytes)),
    });
  }

  get port(): string {
    return this.cable.port;
  }

  /** Plugs the device in and lets it live in real time. */
  async start(): Promise<void> {
    await this.cable.plugIn();
    const far = await this.cable.far();
    const [hostFrames, deviceFrames] = [new FrameDecoder(), new FrameDecoder()];
    far.on("data", (chunk: Buffer) => {
      this.#bytesIn += chunk.length;
      this.traffic.push(Buffer.from(chunk));
      this.device.line.send(chunk);
      for (const raw of hostFrames.push(chunk)) if (parseHostFrame(raw).kind === "link") this.links += 1;
    });
    this.#write = (bytes) => {
      this.traffic.push(bytes);
      for (const raw of deviceFrames.push(bytes)) {
        const frame = parseDeviceFrame(raw);
        if (frame.kind === "status") this.status = frame;
      }
      far.write(bytes);
    };
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.device.run((now - last) / 1_000);
      last = now;
      this.#flush();
    }, STEP_MILLISECONDS);
  }

  /** From now on time passes only while it is driven. */
  hold(): void {
    clearInterval(this.#timer);
  }

  /** Lets seconds pass at once, but no faster than the other end answers. */
  async drive(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 1) {
      this.device.run(Math.min(1, left));
      if (this.#flush() || this.device.line.waiting > 0) left -= await this.#settle();
    }
  }

  /** Waits in real time while the device goes on slowly; fails where it never holds. */
  async driveUntil(holds: () => boolean, what: string): Promise<void> {
    for (let rounds = 0; !holds(); rounds++) {
      if (rounds > PATIENCE_ROUNDS) throw new Error(`waited in vain: ${what}`);
      await this.#settle();
    }
  }

  async #settle(): Promise<number> {
    let passed = 0;
    for (let quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
      const heard = this.#bytesIn;
      await wait(ROUND_MILLISECONDS);
      this.device.run(ROUND_SECONDS);
      passed += ROUND_SECONDS;
      if (this.#flush() || this.#bytesIn > heard || this.device.line.waiting > 0) quiet = 0;
    }
    return passed;
  }

  #flush(): boolean {
    const all = this.#out.splice(0);
    for (const bytes of all) this.#write(bytes);
    return all.length > 0;
  }

  async stop(): Promise<void> {
    this.hold();
    await this.cable.close();
  }
}
