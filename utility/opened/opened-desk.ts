/**
 * Opens jobs: keeps what analytics and aggregators send until a first half and its t parts are here, has them combined,
 * keeps the result. Everything is durable before anything follows from it; whoever repeats a message is answered again.
 *
 * Analytics repeats an output until it is told the outcome, so the utility tells it once when the job is settled, and
 * once more for each repeat that comes afterwards.
 */
import { decodeCbor } from "../../protocol/cbor.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";
import { outputSeed, randomisationSeed, transcriptHash } from "../../protocol/ckks/job.ts";
import type { JobFailureCode, JobOutcome, OutputMessage, PartialMessage } from "../../protocol/messages/ckks.ts";
import type { HeResultRow } from "../store/opened-tables.ts";
import type { OpenedOutput } from "./combination.ts";
import type { Opener } from "./opener.ts";
import { assertHalves, assertOpeners, assertSizes, type OpenedJob, withMeters } from "./opened-job.ts";
import type { Kept, OpenedStore, StoredOutput, StoredPartial } from "./opened-store.ts";
import { judge, type Outcome, resultRow, valueRows } from "./result-row.ts";

export interface OpenedDeskPorts {
  readonly store: OpenedStore;
  readonly opener: Opener;
  readonly slotSeconds: number;
  /** The folder with public keys. */
  readonly data: string;
  /** Unix seconds. */
  readonly now: () => number;
  /** Throws CkksError. */
  readonly read: (transcript: Uint8Array) => OpenedJob;
  readonly tell: (outcome: JobOutcome) => Promise<void>;
  /** A job came to its end. */
  readonly settled: (result: HeResultRow, job: OpenedJob) => Promise<void>;
  readonly refuse: (code: string, detail: string) => void;
  /** Something of this machine is wrong; the job is tried again when analytics repeats it. */
  readonly trouble: (job: string, error: unknown) => void;
}

const FAILURES: Readonly<Record<string, JobFailureCode>> = {
  inconsistent: "beyond-noise",
  "malformed-output": "malformed-output",
  "malformed-partial": "malformed-partial",
};

export class OpenedDesk {
  readonly #ports: OpenedDeskPorts;
  /** Messages are taken one after the other; combining goes on beside them. */
  #taking: Promise<void> = Promise.resolve();
  readonly #opening = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(ports: OpenedDeskPorts) {
    this.#ports = ports;
  }

  /** Goes on with what an earlier process left. */
  async resume(): Promise<void> {
    for (const job of await this.#ports.store.waiting()) await this.#consider(job);
  }

  /** First halves from analytics, under a job's id that is that of their transcript. */
  async output(job: string, message: OutputMessage): Promise<void> {
    await this.#inTurn(() => this.#output(job, message));
  }

  /** An aggregator's part, whose sender is the aggregator that it names. */
  async partial(message: PartialMessage): Promise<void> {
    await this.#inTurn(() => this.#partial(message));
  }

  /** Resolves when nothing is being combined any more. */
  async idle(): Promise<void> {
    await this.#taking;
    await Promise.all(this.#opening.values());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.idle();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#taking.then(() => (this.#stopped ? undefined : work()));
    this.#taking = turn.catch(() => {});
    return turn;
  }

  async #output(job: string, { transcript, active, c0 }: OutputMessage): Promise<void> {
    const { store, refuse } = this.#ports;
    const result = await store.result(job);
    if (result !== undefined) {
      if (result.opened_by === active.join()) await this.#tell(result);
      else refuse("opened-other-active-set", `job ${job} was opened by ${result.opened_by}, not by ${active.join()}`);
      return;
    }
    try {
      const read = this.#ports.read(transcript);
      assertOpeners(read, active);
      assertSizes(read, c0, "output");
      assertHalves(read, c0);
    } catch (error) {
      // A circuit's parameters that do not suit the series are a RangeError.
      if (!(error instanceof CkksError || error instanceof RangeError)) throw error;
      const code = error instanceof CkksError ? error.code : "malformed";
      refuse(`opened-${code}`, `analytics, job ${job}: ${error.message}`);
      // A redealing has not reached this folder yet: analytics asks again.
      if (code === "unknown-epoch") return;
      // Nothing is kept: a corrected output may still come.
      await this.#ports.tell({ type: "failed", job, code: "malformed-output", detail: error.message.slice(0, 1_000) });
      return;
    }
    const kept = await store.keepOutput({ job, transcript, active, c0 });
    if (!this.#isKept(kept, `analytics, job ${job}`)) return;
    await this.#consider(job);
    if (kept === "known") await this.#tellMissing(job, active);
  }

  /** Analytics asks again: it hears who keeps the job waiting. */
  async #tellMissing(job: string, active: readonly number[]): Promise<void> {
    const { store, tell } = this.#ports;
    if (this.#opening.has(job)) return;
    const here = new Set((await store.partials(job)).map(({ aggregator }) => aggregator));
    const missing = active.filter((index) => !here.has(index));
    if (missing.length > 0) await tell({ type: "waiting", job, missing });
  }

  async #partial({ job, index, transcript, active, meters, outputs }: PartialMessage): Promise<void> {
    const { store, refuse } = this.#ports;
    if (!active.includes(index)) {
      refuse("opened-wrong-active-set", `aggregator ${index}, job ${job}: it is not in its active set`);
      return;
    }
    // Late, or repeated: the job needs it no more.
    if ((await store.result(job)) !== undefined) return;
    const output = await store.output(job);
    if (output !== undefined && output.active.join() !== active.join()) {
      const detail = `aggregator ${index}, job ${job}: it opened for ${active.join()}, not ${output.active.join()}`;
      refuse("opened-other-active-set", detail);
      return;
    }
    if (output !== undefined && !isOf(output, transcript)) {
      refuse("opened-other-transcript", `aggregator ${index}, job ${job}: it opened another transcript`);
      return;
    }
    const kept = await store.keepPartial({ job, aggregator: index, transcript, active, meters, outputs });
    if (this.#isKept(kept, `aggregator ${index}, job ${job}`) && output !== undefined) await this.#consider(job);
  }

  #isKept(kept: Kept, who: string): boolean {
    if (kept === "new" || kept === "known") return true;
    this.#ports.refuse(`opened-${kept}`, `${who}: it contradicts what was sent before`);
    return false;
  }

  /** Combines a job when all of it is here. */
  async #consider(job: string): Promise<void> {
    const { store, refuse } = this.#ports;
    if (this.#stopped || this.#opening.has(job)) return;
    const output = await store.output(job);
    if (output === undefined) return;
    const parts: StoredPartial[] = [];
    for (const part of await store.partials(job)) {
      const { aggregator, active, transcript } = part;
      if (active.join() === output.active.join() && isOf(output, transcript)) parts.push(part);
      else {
        // It came before the output did; the right one may still come.
        if (isOf(output, transcript)) {
          refuse("opened-other-active-set", `aggregator ${aggregator}, job ${job}: it opened for ${active.join()}`);
        } else refuse("opened-other-transcript", `aggregator ${aggregator}, job ${job}: it opened another transcript`);
        await store.dropPartial(job, aggregator);
      }
    }
    if (parts.length < output.active.length) return;
    const opening = this.#open(output, parts)
      .catch((error: unknown) => {
        if (!this.#stopped) this.#ports.trouble(job, error);
      })
      .finally(() => this.#opening.delete(job));
    this.#opening.set(job, opening);
  }

  async #open({ transcript, active, c0 }: StoredOutput, parts: readonly StoredPartial[]): Promise<void> {
    const { opener, data } = this.#ports;
    let read = this.#ports.read(transcript);
    try {
      for (const { aggregator, outputs } of parts) assertSizes(read, outputs, `aggregator ${aggregator}`);
      read = withMeters(read, agreed(parts));
    } catch (error) {
      if (!(error instanceof CkksError)) throw error;
      await this.#settle(read, active, { status: "malformed-partial", reason: error.message });
      return;
    }
    const seed = randomisationSeed(transcript, active);
    const answer = await opener.open({
      ...{ data, epoch: read.epoch, set: read.set.parameters.name, stride: read.stride },
      outputs: read.outputs.map(({ level, scale }, i) => ({
        ...{ level, scale, seed: outputSeed(seed, i), c0: c0[i]! },
        partials: parts.map(({ aggregator, outputs }): [number, Uint8Array] => [aggregator, outputs[i]!]),
      })),
    });
    if (answer.ok) await this.#settleOpened(read, active, answer.outputs);
    else await this.#settle(read, active, { status: answer.code, reason: answer.detail });
  }

  async #settleOpened(job: OpenedJob, active: readonly number[], outputs: readonly OpenedOutput[]): Promise<void> {
    const judged = judge(job, outputs);
    await this.#settle(job, active, judged, judged.status === "final" ? judged.slots : undefined);
  }

  async #settle(
    job: OpenedJob,
    active: readonly number[],
    outcome: Outcome,
    slots?: readonly Float64Array[],
  ): Promise<void> {
    const { store, slotSeconds, now, settled, refuse } = this.#ports;
    const row = resultRow(job, { slotSeconds, active, openedAt: now() }, outcome);
    const values = valueRows(job, outcome.values ?? {}, slotSeconds);
    if (!(await store.settle(row, values, slots))) return;
    if (row.status !== "final") refuse(`opened-${row.status}`, `job ${job.job}: ${row.reason}`);
    const result = await store.result(job.job);
    if (result === undefined) return;
    await this.#tell(result);
    await settled(result, job);
  }

  async #tell({ job, status, reason, opened_by, meters_by_slot, opened, residue }: HeResultRow): Promise<void> {
    const code = FAILURES[status];
    if (code !== undefined || opened === null || meters_by_slot === null) {
      await this.#ports.tell({ type: "failed", job, code: code ?? "malformed-output", detail: reason.slice(0, 1_000) });
      return;
    }
    const outputs = decodeCbor(opened) as Uint8Array[];
    const active = opened_by.split(",").map(Number);
    const meters = JSON.parse(meters_by_slot) as number[];
    await this.#ports.tell({ type: "result", job, active, meters, outputs, residue: told(residue ?? 0) });
  }
}

/** Two digits are enough to see whether noise is as large as it should be. */
function told(residue: number): number {
  return Number(residue.toPrecision(2));
}

/** What all say of the meters in each slot. Throws CkksError where they do not agree. */
function agreed([first, ...others]: readonly StoredPartial[]): readonly number[] {
  for (const { aggregator, meters } of others) {
    if (meters.join() === first?.meters.join()) continue;
    const detail = `aggregators ${first?.aggregator} and ${aggregator} count other meters with a value`;
    throw new CkksError("wrong-parameters", detail);
  }
  return first?.meters ?? [];
}

/** The job's name is only the first half of this hash. */
function isOf({ transcript }: StoredOutput, hash: Uint8Array): boolean {
  return Buffer.compare(transcriptHash(transcript), hash) === 0;
}
