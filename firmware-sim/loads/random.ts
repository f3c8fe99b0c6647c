/**
 * Seeded random streams that can be entered anywhere: a stream is named by words (seed, meter, day, purpose), so the
 * draws of one meter-day never depend on which other days were computed before. Simulation only, never for secrets.
 * Generator: Small Fast Counter, 32 bits (sfc32, Doty-Humphrey, PractRand); hash finaliser: MurmurHash3 fmix32.
 */

/** Scrambles 32 bits so that neighbouring inputs give unrelated outputs. */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 64-bit name as two words. */
export type Name = readonly [number, number];

/** Hashes a text to two words (FNV-1a with two offsets, finalised); not cryptographic. */
export function nameOf(text: string): Name {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca77) + i;
  }
  return [mix32(low), mix32(high ^ low)];
}

/** What a stream is for; streams with different purposes are unrelated although all else is equal. */
export const PURPOSES = {
  home: 1,
  localDay: 2,
  slotNoise: 3,
  cloud: 4,
  temperature: 5,
  cloudInDay: 6,
  link: 7,
  device: 8,
  line: 9,
  meterError: 10,
  headSlot: 11,
  chaos: 12,
} as const;

export type Purpose = (typeof PURPOSES)[keyof typeof PURPOSES];

/** A random number stream; `enter` moves it to the start of a named substream at once. */
export class RandomStream {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;

  /** Enters the substream of (seed, subject, index, purpose). `index` is any 32-bit integer, often a day. */
  enter(seed: Name, subject: Name, index: number, purpose: Purpose): this {
    this.a = mix32(seed[0] + Math.imul(purpose, 0x9e3779b9)) ^ subject[0];
    this.b = mix32(seed[1] ^ Math.imul(index, 0x85ebca77)) ^ subject[1];
    this.c = mix32(index + 0x165667b1) ^ subject[0];
    this.counter = mix32(subject[1] ^ purpose) | 1;
    // Twelve rounds let every bit of the name reach every bit of the state.
    for (let i = 0; i < 12; i += 1) this.next();
    return this;
  }

  /** 32 random bits, unsigned. */
  next(): number {
    const out = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + out) | 0;
    return out >>> 0;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.next() * 2 ** -32;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Standard normal (Box and Muller); always takes two draws, so that later draws stay in place. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.next() + 1) * 2 ** -32));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Log-normal with the given mean (not median) and sigma of the logarithm. */
  logNormal(mean: number, sigma: number): number {
    return mean * Math.exp(sigma * this.normal() - (sigma * sigma) / 2);
  }

  /** Exponential with the given mean. */
  exponential(mean: number): number {
    return -mean * Math.log((this.next() + 1) * 2 ** -32);
  }

  /** Poisson count (Knuth's product of uniforms): meant for means up to about 20. */
  poisson(mean: number): number {
    const limit = Math.exp(-mean);
    let product = this.uniform();
    let count = 0;
    while (product > limit) {
      count += 1;
      product *= this.uniform();
    }
    return count;
  }
}
