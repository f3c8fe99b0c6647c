/** Bytes of a telegram that is still coming in; never more than a fixed number. */
export class ByteStore {
  readonly #bytes: Uint8Array;
  #length = 0;

  /** `capacity`: the most bytes that a telegram may have. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.#bytes.length;
  }

  /** Appends `byte`; the store must not be full. */
  add(byte: number): void {
    if (this.full) throw new RangeError(`byte store: holds ${this.#bytes.length} bytes, got one more`);
    this.#bytes[this.#length++] = byte;
  }

  at(index: number): number | undefined {
    return index < this.#length ? this.#bytes[index] : undefined;
  }

  /** What was stored, valid until the next call, and forgets it. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  clear(): void {
    this.#length = 0;
  }
}

/** Bytes outside of telegrams, reported together and not one by one. */
export class NoiseCount {
  #bytes = 0;

  /** Counts a byte; gives the number to report once it has reached `NOISE_BLOCK`. */
  add(): number | undefined {
    this.#bytes++;
    return this.#bytes >= NOISE_BLOCK ? this.take() : undefined;
  }

  /** What has not been reported yet, and forgets it. */
  take(): number {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }
}

/** So much noise is reported even if no telegram ever follows: a line at the wrong speed must not look silent. */
const NOISE_BLOCK = 1024;
