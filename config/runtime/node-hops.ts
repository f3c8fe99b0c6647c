/**
 * When a party of a cluster tries the next node. After nodes were lost and came back, one may answer and acknowledge
 * while nothing from another one reaches it: whoever waits there in vain would wait for ever.
 */

export interface NodeHopsOptions {
  /** Nodes of the broker; with one there is nowhere to go. */
  readonly nodes: number;
  /** What is awaited in vain for so long is looked for elsewhere; twice as long after each time that this was in vain. */
  readonly seconds: number;
  /** Silence alone is suspicious: messages come to this party all the time. */
  readonly expectsMessages: boolean;
  /** Milliseconds. */
  readonly monotonic: () => number;
  /** Leaves the node. */
  readonly go: (why: string) => void;
}

const LONGEST_SECONDS = 3_600;

export class NodeHops {
  readonly #options: NodeHopsOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  #heardAt = 0;
  /** Since when something has been awaited in vain on this connection. */
  #vainSince: number | undefined;
  #inVain = 0;

  constructor(options: NodeHopsOptions) {
    this.#options = options;
    if (options.nodes === 1 || !options.expectsMessages) return;
    this.#timer = setInterval(() => this.#listen(), options.seconds * 500).unref();
  }

  /** A connection stands, and is given its time. */
  connected(): void {
    this.#heardAt = this.#options.monotonic();
    this.#vainSince = undefined;
  }

  disconnected(): void {
    this.#heardAt = 0;
    this.#vainSince = undefined;
  }

  /** A message came. */
  heard(): void {
    if (this.#timer !== undefined) this.#heardAt = this.#options.monotonic();
  }

  /** To be told again and again; asks only where there is another node. */
  waiting(isInVain: () => boolean): void {
    if (this.#options.nodes === 1 || this.#heardAt === 0) return;
    if (!isInVain()) {
      this.#vainSince = undefined;
      this.#inVain = 0;
      return;
    }
    const now = this.#options.monotonic();
    this.#vainSince ??= now;
    if (now - this.#vainSince >= this.#patience) this.#go("what is awaited does not come");
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #listen(): void {
    if (this.#heardAt !== 0 && this.#options.monotonic() - this.#heardAt >= this.#patience) this.#go("nothing comes");
  }

  get #patience(): number {
    return Math.min(LONGEST_SECONDS, this.#options.seconds * 2 ** this.#inVain) * 1_000;
  }

  #go(what: string): void {
    const seconds = this.#patience / 1_000;
    this.#inVain++;
    this.disconnected();
    this.#options.go(`${what} (${seconds} s): the next node is tried`);
  }
}
