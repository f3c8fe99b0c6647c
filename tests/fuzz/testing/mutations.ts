/** Inputs for decoders, the same for the same seed: valid ones that were damaged, and bytes of no meaning. */

/** Numbers in [0, below), by mulberry32. */
type Draw = (below: number) => number;

function drawing(seed: number): Draw {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Bytes that mean much to CBOR, to lengths and to text. */
const TELLING = [
  0x00, 0x01, 0x7f, 0x80, 0xff, 0x1b, 0x3b, 0x5b, 0x5f, 0x7b, 0x9b, 0x9f, 0xbb, 0xbf, 0xd8, 0xfb, 0x0a, 0x22, 0x2a,
];
const MOST_BYTES = 4_096;

function randomBytesOf(draw: Draw, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => draw(256));
}

function damaged(valid: Uint8Array, draw: Draw): Uint8Array {
  const at = draw(valid.length + 1);
  const much = 1 + draw(Math.min(64, valid.length + 1));
  switch (draw(7)) {
    case 0: // a bit
      return valid.map((byte, i) => (i === at ? byte ^ (1 << draw(8)) : byte));
    case 1: // a telling byte
      return valid.map((byte, i) => (i === at ? TELLING[draw(TELLING.length)]! : byte));
    case 2: // an end that is missing
      return valid.slice(0, at);
    case 3: // a part that is missing
      return Uint8Array.from([...valid.slice(0, at), ...valid.slice(at + much)]);
    case 4: // a part that comes twice
      return Uint8Array.from([...valid.slice(0, at + much), ...valid.slice(at)]);
    case 5: // a part that is foreign
      return Uint8Array.from([...valid.slice(0, at), ...randomBytesOf(draw, much), ...valid.slice(at + much)]);
    default: // a head of CBOR that promises more than there is
      return Uint8Array.from([
        ...valid.slice(0, at),
        [0x5b, 0x7b, 0x9b, 0xbb][draw(4)]!,
        ...randomBytesOf(draw, 8),
        ...valid.slice(at),
      ]);
  }
}

/** `count` inputs: one in eight is of no meaning, the others are valid ones damaged once to four times. */
export function* inputs(valid: readonly Uint8Array[], seed: number, count: number): Generator<Uint8Array> {
  const draw = drawing(seed);
  for (let i = 0; i < count; i++) {
    let bytes = valid[draw(valid.length)] ?? new Uint8Array();
    if (valid.length === 0 || draw(8) === 0) bytes = randomBytesOf(draw, draw(256));
    else for (let times = 1 + draw(4); times > 0; times--) bytes = damaged(bytes, draw);
    yield bytes.slice(0, MOST_BYTES);
  }
}
