/**
 * A device that runs on the host: power, seconds, pulses and a line. Frames in and out are those of hardware/link; what
 * the device says is never thrown away, so a test that forgets to look at it fails.
 */
import {
  type DeviceFrame,
  encodeHostFrame,
  FrameDecoder,
  type HostFrame,
  parseDeviceFrame,
  provisioningFrames,
  type Provisioning,
  REPLY_CODES,
} from "../../../link/index.ts";
import type { Variant } from "./build.ts";
import { Driver, hex, unhex } from "./driver.ts";

/** How a cell is left when the power fails during its write: see port.h. */
export const CUTS = { before: 0, erased: 1, garbage: 2, after: 3 } as const;

export class HostDevice {
  readonly driver: Driver;
  #decoder = new FrameDecoder();
  /** Seconds since the start. */
  #uptime = 0;
  /** Did the power fail in the last call? */
  isOff = false;
  /** EEPROM writes since the program began. */
  writes = 0;
  /** Seconds until the device wants to be called, as it said last. */
  wait = 0;

  constructor(driver: Driver) {
    this.driver = driver;
  }

  static async create(variant: Variant = "plain"): Promise<HostDevice> {
    return new HostDevice(await Driver.start(variant));
  }

  get uptime(): number {
    return this.#uptime;
  }

  async boot(): Promise<DeviceFrame[]> {
    this.#uptime = 0;
    this.#decoder = new FrameDecoder();
    return await this.#run("boot");
  }

  /** Sets the device's seconds since its start. */
  async setUptime(seconds: number): Promise<void> {
    this.#uptime = seconds;
    await this.driver.ask(`time ${seconds}`);
  }

  async poll(): Promise<DeviceFrame[]> {
    return await this.#run("poll");
  }

  async pulses(count: number): Promise<void> {
    await this.driver.ask(`pulses ${count}`);
  }

  async jumper(set: boolean): Promise<void> {
    await this.driver.ask(`jumper ${set ? 1 : 0}`);
  }

  /** Cuts the power at the given EEPROM write from now on, from 1. */
  async cutAt(write: number, how: (typeof CUTS)[keyof typeof CUTS]): Promise<void> {
    await this.driver.ask(`cut ${write} ${how}`);
  }

  async say(frame: HostFrame): Promise<DeviceFrame[]> {
    return await this.sayBytes(encodeHostFrame(frame));
  }

  async sayBytes(bytes: Uint8Array): Promise<DeviceFrame[]> {
    return await this.#run(`rx ${hex(bytes)}`);
  }

  async eeprom(): Promise<Uint8Array> {
    return unhex(await this.driver.ask("dump"));
  }

  async setEeprom(image: Uint8Array): Promise<void> {
    await this.driver.ask(`eeprom ${hex(image)}`);
  }

  /** Makes a blank device a meter; throws when it refuses. */
  async provision(input: Provisioning): Promise<DeviceFrame[]> {
    await this.jumper(true);
    const said: DeviceFrame[] = [];
    for (const frame of provisioningFrames(input).frames) {
      const answers = await this.say(frame);
      const reply = answers.find((one) => one.kind === "reply");
      if (reply?.code !== REPLY_CODES.done) throw new Error(`part ${frame.part} was answered ${reply?.code}`);
      said.push(...answers.filter((one) => one.kind !== "reply"));
    }
    await this.jumper(false);
    return said;
  }

  async #run(command: string): Promise<DeviceFrame[]> {
    const [wait = "", sent = "", writes = ""] = (await this.driver.ask(command)).split(" ");
    this.isOff = wait === "cut";
    this.wait = this.isOff ? 0 : Number(wait);
    this.writes = Number(writes);
    return this.#decoder.push(unhex(sent)).map(parseDeviceFrame);
  }
}
