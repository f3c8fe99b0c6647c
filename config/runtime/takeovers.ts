/**
 * Tells two processes with one identity from a network that comes and goes. A broker gives a party's place to whoever
 * comes last, so two of them throw each other out for ever: every connection succeeds at once, and is cut off when the
 * other one has waited to reconnect.
 */

export interface TakeoverSettings {
  readonly retryMinSeconds: number;
  readonly retryMaxSeconds: number;
  /** Connections in a row that must be cut off. */
  readonly takeovers: number;
}

/** Reaching the broker, and being granted what is subscribed to, takes a moment beside the wait itself. */
const SETUP_SECONDS = 1;

export class Takeovers {
  readonly #settings: TakeoverSettings;
  #inRow = 0;

  constructor(settings: TakeoverSettings) {
    this.#settings = settings;
  }

  /**
   * A connection that stood has been cut off after `seconds`. Returns true when it is one too many. The other process
   * waits as this one does, longer each time; a connection that lasted longer was not its doing. So whoever was there
   * first begins to count later, and it is the latecomer that gives up.
   */
  cutOff(seconds: number): boolean {
    const { retryMinSeconds, retryMaxSeconds, takeovers } = this.#settings;
    const wait = Math.min(retryMaxSeconds, retryMinSeconds * 2 ** Math.min(this.#inRow + 1, 30));
    this.#inRow = seconds <= wait + SETUP_SECONDS ? this.#inRow + 1 : 0;
    return this.#inRow >= takeovers;
  }

  /** The broker could not be reached, or refused: where another process has this one's place, it answers at once. */
  failed(): void {
    this.#inRow = 0;
  }
}
