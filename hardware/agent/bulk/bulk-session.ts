/** One connection of a meter's courier: sends what waits, and stays for the answers. */
import type { PublishOptions } from "../../../config/runtime/link.ts";
import type { TokenBucket } from "./token-bucket.ts";

/** The part of a link that the courier uses. */
export interface BulkLink {
  readonly connected: boolean;
  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Promise<void>;
  close(): Promise<void>;
}

export interface BulkLinkHandlers {
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
  /** After each connection, when its subscription is granted. */
  readonly onConnect: () => void;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** Connects as `<meter>.bulk`; tries until `signal` aborts, then rejects. */
export type ConnectBulk = (handlers: BulkLinkHandlers) => Promise<BulkLink>;

/** Something to bring. */
export interface Parcel {
  readonly topic: string;
  readonly key: string;
  /** The messages that it takes; undefined when nobody wants it any more. */
  readonly chunks: () => readonly Uint8Array[] | undefined;
}

/** Who has parcels that are answered on this connection, and that go again on the next one until they are. */
export interface BulkSource {
  /** What waits for an answer, the oldest first. */
  waiting(): readonly Parcel[];
  /** Takes an answer; returns whether it was one. */
  answered(payload: Uint8Array): boolean;
}

export interface BulkSessionOptions {
  readonly connect: ConnectBulk;
  /** How long the courier waits for an answer before it gives the connection up. */
  readonly patienceMilliseconds: number;
  readonly monotonic: () => number;
  /** Calls back after so many milliseconds unless the returned function is called first. */
  readonly after: (milliseconds: number, callback: () => void) => () => void;
  /** Chunks that went out, in bytes. */
  readonly sent?: (bytes: number) => void;
  /** The connection failed, or a publish did. */
  readonly failed?: (error: unknown) => void;
}

/** All that there is to bring. */
export interface Load extends BulkSource {
  /** The broker has it. True where that is all that was asked for. */
  brought(parcel: Parcel): boolean;
}

/** How a connection ended: nothing waited any more; not all was answered; nothing was. */
type SessionEnd = "finished" | "answered" | "silent";

export class BulkSession {
  readonly #options: BulkSessionOptions;
  readonly #load: Load;
  readonly #bucket: TokenBucket;
  readonly #stop: AbortSignal;
  readonly #giveUp = new AbortController();
  /** What went out since the connection was made. */
  readonly #sent = new Set<string>();
  #progress = false;
  #wake: () => void = () => undefined;
  #poked = false;
  /** When something was sent or answered, or the connection stood, for the last time. */
  #movedAt: number;

  constructor(options: BulkSessionOptions, load: Load, bucket: TokenBucket, stop: AbortSignal) {
    this.#options = options;
    this.#load = load;
    this.#bucket = bucket;
    this.#stop = stop;
    this.#movedAt = options.monotonic();
  }

  /** Something has happened: look again. */
  poke(): void {
    this.#poked = true;
    this.#wake();
  }

  /** Resolves when nothing waits, or nothing happens any more. */
  async run(): Promise<SessionEnd> {
    const { patienceMilliseconds, after, failed } = this.#options;
    const stop = (): void => {
      this.#giveUp.abort();
      this.poke();
    };
    this.#stop.addEventListener("abort", stop, { once: true });
    const cancel = after(patienceMilliseconds, () => this.#giveUp.abort());
    let link: BulkLink | undefined;
    try {
      link = await this.#connect();
      cancel();
      if (await this.#work(link)) return "finished";
    } catch (error) {
      if (!this.#giveUp.signal.aborted) failed?.(error);
    } finally {
      cancel();
      this.#stop.removeEventListener("abort", stop);
      await link?.close().catch(() => undefined);
      this.#giveUp.abort();
    }
    return this.#progress ? "answered" : "silent";
  }

  #connect(): Promise<BulkLink> {
    return this.#options.connect({
      onMessage: (_topic, payload) => {
        if (!this.#load.answered(payload)) return;
        this.#progress = true;
        this.#movedAt = this.#options.monotonic();
        this.poke();
      },
      // Whatever was on the way in an earlier connection may be lost, and so may be the answers.
      onConnect: () => {
        this.#sent.clear();
        this.#movedAt = this.#options.monotonic();
        this.poke();
      },
      signal: this.#giveUp.signal,
    });
  }

  /** True when nothing waits any more. */
  async #work(link: BulkLink): Promise<boolean> {
    while (!this.#giveUp.signal.aborted) {
      this.#poked = false;
      const waiting = this.#load.waiting();
      if (waiting.length === 0) return true;
      const next = link.connected ? waiting.find(({ key }) => !this.#sent.has(key)) : undefined;
      if (next !== undefined) {
        await this.#send(link, next);
        this.#movedAt = this.#options.monotonic();
      } else if (!(await this.#happens())) return false;
    }
    return false;
  }

  async #send(link: BulkLink, parcel: Parcel): Promise<void> {
    const { topic, key } = parcel;
    this.#sent.add(key);
    const chunks = parcel.chunks();
    if (chunks === undefined) return;
    try {
      // One chunk at a time: the next goes when the broker has this one, so little is in memory.
      for (const chunk of chunks) {
        for (let wait = this.#bucket.waitFor(chunk.length); wait > 0; wait = this.#bucket.waitFor(chunk.length)) {
          await this.#time(wait);
          if (this.#giveUp.signal.aborted) return;
        }
        this.#bucket.take(chunk.length);
        await link.publish(topic, chunk);
        this.#options.sent?.(chunk.length);
      }
      if (this.#load.brought(parcel)) {
        this.#sent.delete(key);
        this.#progress = true;
      }
    } catch (error) {
      // The link reconnects by itself; then everything that waits goes again.
      this.#sent.delete(key);
      if (this.#giveUp.signal.aborted) return;
      this.#options.failed?.(error);
      if (!(await this.#happens())) this.#giveUp.abort();
    }
  }

  /** Resolves when something happens, with false when nothing has moved for too long. */
  #happens(): Promise<boolean> {
    const { patienceMilliseconds, monotonic } = this.#options;
    const milliseconds = this.#movedAt + patienceMilliseconds - monotonic();
    if (milliseconds <= 0) return Promise.resolve(false);
    if (this.#poked) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (happened: boolean): void => {
        cancel();
        this.#wake = () => undefined;
        resolve(happened);
      };
      const cancel = this.#options.after(milliseconds, () => end(false));
      this.#wake = () => end(true);
    });
  }

  #time(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#giveUp.signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#options.after(milliseconds, done);
      this.#giveUp.signal.addEventListener("abort", done, { once: true });
    });
  }
}
