/**
 * One parameter set of CKKS from keys to an opened result, on the machine at hand: a key pair is made and dealt, a window
 * encrypted and packed as a meter does, opened by two of three shares as aggregators and the utility do. The keys are
 * forgotten; nothing is kept.
 */
import { randomBytes } from "node:crypto";
import { assertSender, encryptAs } from "../ckks/authorship/sender.ts";
import { strideOf, unpackCiphertext } from "../ckks/packed.ts";
import { type CkksParameters, dataLevels } from "../ckks/parameters.ts";
import { generateKeys } from "../ckks/seal/keys.ts";
import { CkksEngine } from "../ckks/seal/engine.ts";
import { combine, toSlots } from "../ckks/threshold/combine.ts";
import { deal } from "../ckks/threshold/deal.ts";
import { coefficientsAt } from "../ckks/threshold/index.ts";
import { partial } from "../ckks/threshold/partial.ts";

/** A day of quarter hours, with the least and the largest that a household has. */
const WINDOW = Float64Array.from({ length: 96 }, (_, slot) => (slot === 95 ? 25_000 : (slot * 37) % 4001));
const SHARES = { n: 3, t: 2 };
const ACTIVE = [1, 3];
const METER = "m-self-test";
/** Little noise: what is tested here is that the parts fit each other. */
const SIGMA_BITS = 9;
/** Of an opened reading, in Wh. */
const LARGEST_ERROR = 0.5;

/** Returns the largest error of a slot, in Wh. Throws with what is wrong. */
export async function ckksSelfTest(
  parameters: CkksParameters,
  options: { readonly insecureForTests?: boolean } = {},
): Promise<number> {
  const keys = await generateKeys(parameters, { relin: false, galoisSteps: [], ...options });
  const engine = await CkksEngine.create(parameters, options);
  try {
    const publicKey = engine.keys.publicPolys(keys.publicKey);
    const { ring, degree } = engine;
    const level = dataLevels(parameters);
    const slots = WINDOW.length;
    const stride = strideOf(slots, degree);
    const window = { series: "self-test", firstSlot: 0, slots };
    const packed = encryptAs(
      engine,
      publicKey,
      { meter: METER, window, level, stride: 1, numbers: WINDOW },
      randomBytes,
    );
    const unpacked = unpackCiphertext(engine, packed, level);
    assertSender(engine, publicKey[1], unpacked, METER);
    const { c0, c1 } = unpacked;
    const secret = keys.secretKey.subarray(0, level * degree);
    const shares = deal({ ring, secret, ...SHARES, random: (count) => randomBytes(count) });
    const open = (active: readonly number[], given: readonly number[]): number => {
      const partials = given.map((index) => {
        const share = shares[index - 1]!;
        const flooding = { sigmaBits: SIGMA_BITS };
        return partial({ ring, c1, share, active, stride, flooding, random: (count) => randomBytes(count) });
      });
      const coefficients = combine({ ring, c0: coefficientsAt(ring, c0, stride), partials, stride });
      const { real } = toSlots(ring, coefficients, 2 ** parameters.scaleBits, stride);
      return WINDOW.reduce((most, value, slot) => Math.max(most, Math.abs(value - real[slot]!)), 0);
    };
    const error = open(ACTIVE, ACTIVE);
    if (!(error <= LARGEST_ERROR)) throw new Error(`two of three shares open a reading wrong by ${error} Wh`);
    if (open(ACTIVE, ACTIVE.slice(1)) <= LARGEST_ERROR) throw new Error("one share alone opens the readings");
    for (const { poly } of shares) poly.fill(0n);
    return error;
  } finally {
    keys.secretKey.fill(0n);
    engine.close();
  }
}
