/**
 * 1 KB of EEPROM as a thing that outlives resets and power cuts: cells wear out, bits can flip, and a cell that was being
 * written when the supply failed holds something between the old and the new value.
 */

export const EEPROM_BYTES = 1_024;

export interface EepromOptions {
  /** What the cells hold; 0xff where left out. */
  readonly image?: Uint8Array | undefined;
  /** Erasures that the weakest cell endures; each cell its own number, up to twice as many. */
  readonly endurance?: number;
  readonly random: () => number;
}

const RATED_ENDURANCE = 100_000;
/** A worn cell loses a further bit after this part of its life again. */
const DECAY = 0.01;

export class Eeprom {
  readonly #cells = new Uint8Array(EEPROM_BYTES).fill(0xff);
  readonly #erasures = new Uint32Array(EEPROM_BYTES);
  readonly #lives: Float64Array;
  /** Bits that no longer can be erased to 1. */
  readonly #stuck = new Uint8Array(EEPROM_BYTES);
  readonly #random: () => number;
  /** Called after each change, for what keeps an image elsewhere. */
  onChange: () => void = () => undefined;

  constructor({ image, endurance = RATED_ENDURANCE, random }: EepromOptions) {
    if (image !== undefined && image.length !== EEPROM_BYTES) {
      throw new RangeError(`image: expected ${EEPROM_BYTES} bytes, got ${image.length}`);
    }
    if (image !== undefined) this.#cells.set(image);
    this.#random = random;
    this.#lives = Float64Array.from(this.#cells, () => endurance * (1 + random()));
  }

  read(address: number): number {
    return this.#cells[address % EEPROM_BYTES]!;
  }

  /** A copy of all cells. */
  image(): Uint8Array {
    return this.#cells.slice();
  }

  /** Most erasures of any cell so far. */
  get wear(): number {
    return this.#erasures.reduce((most, count) => Math.max(most, count), 0);
  }

  /** How often a cell was erased. */
  erasuresOf(address: number): number {
    return this.#erasures[address % EEPROM_BYTES]!;
  }

  /** As if a cell had been erased so often before. */
  age(address: number, erasures: number): void {
    this.#erasures[address % EEPROM_BYTES]! += erasures;
  }

  erase(address: number): void {
    const cell = address % EEPROM_BYTES;
    const erasures = ++this.#erasures[cell]!;
    const life = this.#lives[cell]!;
    const lost = erasures <= life ? 0 : Math.min(8, 1 + Math.floor((erasures - life) / (life * DECAY)));
    while (bitsOf(this.#stuck[cell]!) < lost) {
      let bit = Math.floor(this.#random() * 8);
      while ((this.#stuck[cell]! & (1 << bit)) !== 0) bit = (bit + 1) % 8;
      this.#stuck[cell]! |= 1 << bit;
    }
    this.#set(cell, 0xff & ~this.#stuck[cell]!);
  }

  /** Programs zeroes; ones need an erasure. */
  program(address: number, value: number): void {
    const cell = address % EEPROM_BYTES;
    this.#set(cell, this.#cells[cell]! & value);
  }

  /** The supply failed while the cell was being erased: some of its zeroes have become ones. */
  tearErasure(address: number): void {
    const cell = address % EEPROM_BYTES;
    const before = this.#cells[cell]!;
    this.erase(cell);
    this.#set(cell, this.#cells[cell]! & (before | this.#byte()));
  }

  /** The supply failed while the cell was being programmed: some of the zeroes are there already. */
  tearProgram(address: number, value: number): void {
    this.program(address, value | this.#byte());
  }

  flip(address: number, bit: number): void {
    const cell = address % EEPROM_BYTES;
    this.#set(cell, this.#cells[cell]! ^ (1 << bit));
  }

  #byte(): number {
    return Math.floor(this.#random() * 256);
  }

  #set(cell: number, value: number): void {
    this.#cells[cell] = value;
    this.onChange();
  }
}

function bitsOf(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
