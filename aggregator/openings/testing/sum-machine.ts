/** A machine without CKKS: its ciphertexts are bytes, its sums are of their first byte. Everything else is real. */
import { createHash } from "node:crypto";
import type { JobOutput } from "../../../protocol/ckks/job.ts";
import { JobError } from "../job-error.ts";
import { type ComputedOutput, type Machine, type MachineInput, type MachineJob, MachineLost } from "../machine.ts";
import type { OpenedOutput, OpeningOrder } from "../machine.ts";

const sha256 = (...parts: (Uint8Array | string)[]): Uint8Array => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return Uint8Array.from(hash.digest());
};

/** The bytes of an output, and what a transcript says of it. */
export function outputOf(sum: number): { c1: Uint8Array; output: JobOutput } {
  const c1 = Uint8Array.of(sum >>> 24, sum >>> 16, sum >>> 8, sum);
  return {
    c1,
    output: {
      digest: sha256("whole", c1),
      c1Digest: sha256(c1),
      c0Digest: sha256("half", c1),
      level: 2,
      scale: 2 ** 40,
    },
  };
}

export class SumMachine implements Machine {
  /** Most inputs that were held at once. */
  most = 0;
  opened = 0;
  closed = false;
  /** The next call fails as if the thread had died. */
  breaks = false;
  /** Waited for before each step. */
  before: (step: "fold" | "open") => Promise<void> = () => Promise.resolve();
  #job: MachineJob | undefined;
  #sum = 0;
  #done = 0;

  start(job: MachineJob): Promise<void> {
    this.#job = job;
    this.#sum = 0;
    this.#done = 0;
    return Promise.resolve();
  }

  async fold(inputs: readonly MachineInput[]): Promise<void> {
    await this.before("fold");
    if (this.breaks) {
      this.breaks = false;
      throw new MachineLost("the thread ended with code 1");
    }
    this.most = Math.max(this.most, inputs.length);
    for (const { bytes, digest } of inputs) {
      if (Buffer.compare(sha256(bytes), digest) !== 0) {
        throw new JobError("wrong-digest", "the ciphertext is not the one that was vouched for", [this.#done]);
      }
      this.#sum += bytes[0]!;
      this.#done++;
    }
  }

  async finish(): Promise<ComputedOutput[]> {
    await Promise.resolve();
    const { c1, output } = outputOf(this.#sum);
    const wanted = this.#job!.outputs;
    if (wanted.length !== 1 || Buffer.compare(wanted[0]!.digest, output.digest) !== 0) {
      throw new JobError("other-output", "output 0 is not what the inputs give");
    }
    return [{ level: output.level, sigmaBits: 20, c1Digest: output.c1Digest, c1 }];
  }

  abandon(): Promise<void> {
    this.#job = undefined;
    return Promise.resolve();
  }

  async open({ transcript, active, outputs }: OpeningOrder): Promise<OpenedOutput[]> {
    await this.before("open");
    if (this.breaks) {
      this.breaks = false;
      throw new MachineLost("the thread ended with code 1");
    }
    this.opened++;
    // As flooding does: another partial each time.
    const fresh = Uint8Array.of(this.opened);
    return outputs.map(({ c1 }) => ({
      c1: sha256(c1, transcript, Uint8Array.from(active)),
      partial: sha256(c1, fresh),
    }));
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}
