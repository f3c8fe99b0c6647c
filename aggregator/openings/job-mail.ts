/**
 * The mail of jobs: chunks of analytics put together, opened one after the other and handed to the desk; its answers
 * sealed. A line of its own, so that a bill never waits for a ciphertext.
 */
import { ChunkAssembler, openServerMessage, type ServerParty } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { type JobAnswer, jobRequest, type PartialMessage } from "../../protocol/messages/ckks.ts";
import { topicOf } from "../../protocol/topics.ts";
import type { OpeningDesk } from "./opening-desk.ts";

export interface JobMailOptions {
  readonly index: number;
  readonly party: ServerParty;
  readonly desk: OpeningDesk;
  /** Seconds that do not go back. */
  readonly monotonic: () => number;
  readonly sendSealed: (message: unknown, to: string, topic: string) => Promise<void>;
  readonly refuse: (code: string, detail?: string) => void;
  /** Counts what is a peer's fault, throws the rest. */
  readonly failed: (error: unknown, topic: string) => void;
}

const MIB = 2 ** 20;
/** Whole messages that wait to be opened; what is refused will be repeated. */
const WAITING = { messages: 256, bytes: 64 * MIB };
/** Transcripts, and inputs of the job under way. */
const CHUNKS = { maxSenders: 1, maxMessages: 64, maxBytes: 64 * MIB, maxAgeSeconds: 120 };

export class JobMail {
  readonly #options: JobMailOptions;
  readonly #chunks: ChunkAssembler;
  #work: Promise<void> = Promise.resolve();
  #messages = 0;
  #bytes = 0;

  constructor(options: JobMailOptions) {
    this.#options = options;
    this.#chunks = new ChunkAssembler(options.monotonic, CHUNKS);
  }

  /** Takes a chunk under a job's topic. Throws ProtocolError. */
  take(job: string, topic: string, payload: Uint8Array): void {
    const whole = this.#chunks.add("analytics", payload);
    if (whole === undefined) return;
    if (this.#messages >= WAITING.messages || this.#bytes + whole.length > WAITING.bytes) {
      this.#options.refuse("busy", topic);
      return;
    }
    this.#messages++;
    this.#bytes += whole.length;
    this.#work = this.#work.then(async () => {
      try {
        await this.#open(whole, job);
      } catch (error) {
        this.#options.failed(error, topic);
      } finally {
        this.#messages--;
        this.#bytes -= whole.length;
      }
    });
  }

  async #open(bytes: Uint8Array, job: string): Promise<void> {
    const { party, desk } = this.#options;
    const { message } = await openServerMessage(bytes, party, "analytics");
    const parsed = jobRequest.safeParse(message);
    if (!parsed.success) throw new ProtocolError("malformed", `a job request: ${parsed.error.issues[0]?.message}`);
    await desk.handle(job, parsed.data);
  }

  async answer(answer: JobAnswer): Promise<void> {
    const { index, sendSealed } = this.#options;
    const { job, type } = answer;
    await sendSealed(answer, "analytics", topicOf("jobAnswer", { agg: String(index), job, type }));
  }

  async give(partial: PartialMessage): Promise<void> {
    const { index, sendSealed } = this.#options;
    await sendSealed(partial, "utility", topicOf("jobPartial", { agg: String(index), job: partial.job }));
  }

  /** Resolves when every message that has come was handled. */
  idle(): Promise<void> {
    return this.#work;
  }
}
