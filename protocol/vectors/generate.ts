/**
 * Makes the test vectors of this folder from fixed seeds with the reference implementation. They are meant for other
 * implementations too, a C program included: flat arrays of flat objects, bytes in hex, 64-bit integers in decimal
 * strings, small integers as numbers. `npx tsx protocol/vectors/testing/generate-main.ts` writes the files anew.
 */
import {
  bitPolynomials,
  evaluate,
  invert,
  lagrange,
  mod,
  polynomial,
  rangeWeights,
  seededBytes,
  treeHash,
  zeroShare,
} from "./reference.ts";

const P = 2n ** 61n - 1n;
const EDGES = [0n, 1n, 2n, 2n ** 21n - 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 42n, 2n ** 60n, P - 2n, P - 1n];

/** The names of the vector files, without `.json`. */
export const VECTOR_NAMES = ["field", "prf", "shamir", "merkle", "range"] as const;
export type VectorName = (typeof VECTOR_NAMES)[number];

/** Sums, products and inverses: every pair of edge cases, then random pairs. */
function fieldVectors() {
  const next = randomElements("wattveil field vectors");
  const pairs = EDGES.flatMap((a) => EDGES.map((b) => ({ a, b })));
  for (let count = 0; count < 50; count++) pairs.push({ a: next(), b: next() });
  const inverses = [...EDGES.filter((a) => a !== 0n), ...Array.from({ length: 20 }, next)];
  return {
    description: "GF(2^61 - 1): a + b, a - b, a * b; 1 / a",
    prime: String(P),
    operations: pairs.map(({ a, b }) => ({
      a: String(a),
      b: String(b),
      sum: String(mod(a + b)),
      difference: String(mod(a - b)),
      product: String(mod(a * b)),
    })),
    inverses: inverses.map((a) => ({ a: String(a), inverse: String(invert(a)) })),
  };
}

/** Polynomials: key, kind, slot, reading, t to tag and coefficients. */
function prfVectors() {
  return {
    description:
      "ChaCha20 (RFC 8439, 2.3), counter kind * 2^24 + block, nonce slot u32 BE || reading u64 BE; tag, then coefficients",
    polynomials: sharingInputs().map((input) => {
      const { tag, coefficients } = polynomial(input);
      return { ...plainInput(input), tag: tag.toString("hex"), coefficients: coefficients.map(String) };
    }),
  };
}

/** Splits with their shares and wire entries, and interpolations with agreeing and disagreeing points. */
function shamirVectors() {
  const splits = sharingInputs().map((input) => {
    const { tag, coefficients } = polynomial(input);
    const shares = Array.from({ length: input.n }, (_, index) =>
      evaluate([input.reading, ...coefficients], BigInt(index + 1)),
    );
    const entries = shares.map((share) => hex64(share) + tag.toString("hex"));
    return { ...plainInput(input), n: input.n, tag: tag.toString("hex"), shares: shares.map(String), entries };
  });
  return {
    description: "shares f(1) to f(n) and their 16-byte entries (share u64 BE || tag); f(0) from points, first t count",
    splits,
    interpolations: interpolations(),
  };
}

/** Roots over 0 to 20 leaves; the first eight are the well-known ones of Certificate Transparency. */
function merkleVectors() {
  const known = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
  const bytes = seededBytes("wattveil merkle vectors");
  const leaves = [...known, ...Array.from({ length: 12 }, (_, index) => bytes(index * 7).toString("hex"))];
  const decoded = leaves.map((leaf) => Buffer.from(leaf, "hex"));
  return {
    description: "RFC 6962, 2.1: roots[i] is the tree hash over the first i leaves",
    leaves,
    roots: Array.from({ length: leaves.length + 1 }, (_, size) => treeHash(decoded.slice(0, size)).toString("hex")),
  };
}

/** Shares of bits with an aggregator's sum and check of them, and shares of 0. */
function rangeVectors() {
  const bytes = seededBytes("wattveil range vectors");
  const cases = [
    [1, 1, 1, 1n],
    [3, 2, 20, 523_777n],
    [5, 2, 20, 0n],
    [5, 3, 20, 2n ** 20n - 1n],
    [7, 4, 52, 2n ** 52n - 1n],
  ] as const;
  const splits = cases.flatMap(([n, t, bits, reading], index) => {
    const input = { key: bytes(32), kind: 1 + (index % 4), slot: 1_900_000 + index, reading, t };
    const challenge = bytes(32);
    const { tag, coefficients } = bitPolynomials(input, bits);
    return Array.from({ length: n }, (_, i) => {
      const shares = coefficients.map((own, bit) => evaluate([(reading >> BigInt(bit)) & 1n, ...own], BigInt(i + 1)));
      const weighted = (use: string, of: (f: bigint) => bigint): bigint =>
        rangeWeights(challenge, use, index, bits).reduce((sum, weight, bit) => sum + weight * of(shares[bit]!), 0n);
      return {
        ...plainInput({ ...input, n }),
        ...{ n, bits, meter: index, challenge: challenge.toString("hex"), aggregator: i + 1 },
        entry: shares.map(hex64).join("") + tag.toString("hex"),
        sum: String(mod(weighted("degree", (f) => f))),
        check: String(mod(weighted("bits", (f) => f * f - f))),
        share: String(mod(shares.reduce((sum, share, bit) => sum + share * 2n ** BigInt(bit), 0n))),
      };
    });
  });
  const zeros = (
    [
      [3, 2, "1,2 1,3 2,3"],
      [5, 3, "1,2,3 1,2,4 1,2,5 1,3,4 1,3,5 1,4,5 2,3,4 2,3,5 2,4,5 3,4,5"],
    ] as const
  ).map(([n, t, subsets]) => {
    const nonce = bytes(32);
    const keys = subsets.split(" ").map((members) => ({ members: members.split(",").map(Number), key: bytes(32) }));
    const shares = Array.from({ length: n }, (_, i) => String(zeroShare(keys, nonce, n, t, i + 1)));
    return { n, t, nonce: nonce.toString("hex"), keys: keys.map(({ key }) => key.toString("hex")), shares };
  });
  return {
    description:
      "entries of shares of bits (u64 BE each, lowest bit first || tag), their weighted sum, the sum of weight (f^2 - f), and the reading's share; shares of 0, keys of subsets in lexical order",
    splits,
    zeros,
  };
}

/** The text of a vector file: JSON with one case on each line. */
export function vectorText(name: VectorName): string {
  const make = {
    field: fieldVectors,
    prf: prfVectors,
    shamir: shamirVectors,
    merkle: merkleVectors,
    range: rangeVectors,
  }[name];
  const parts = Object.entries(make()).map(([key, value]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${parts.join(",\n")}\n}\n`;
}

function sharingInputs() {
  const bytes = seededBytes("wattveil sharing vectors");
  const inputs: { key: Buffer; kind: number; slot: number; reading: bigint; n: number; t: number }[] = [];
  const push = (kind: number, slot: number, reading: bigint, n: number, t: number): void => {
    inputs.push({ key: bytes(32), kind, slot, reading, n, t });
  };
  for (let n = 1; n <= 7; n++) {
    for (let t = 1; t <= n; t++) push(1, 1_900_000 + 10 * n + t, BigInt(bytes(2).readUInt16BE()), n, t);
  }
  for (const kind of [1, 2, 3, 4]) {
    for (const slot of [0, 0x0102_0304, 0xffff_ffff]) push(kind, slot, BigInt(bytes(4).readUInt32BE()), 3, 2);
  }
  for (const reading of [0n, 1n, 255n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 60n, P - 1n]) {
    push(1, 1_234_567, reading, 5, 3);
  }
  return inputs;
}

function plainInput(input: ReturnType<typeof sharingInputs>[number]) {
  const { key, kind, slot, reading, t } = input;
  return { key: key.toString("hex"), kind, slot, reading: String(reading), t };
}

function interpolations() {
  const next = randomElements("wattveil interpolation vectors");
  const selections = [
    [1],
    [1, 2],
    [2, 1],
    [1, 3],
    [2, 3],
    [6, 7],
    [1, 2, 3],
    [3, 1, 5],
    [2, 4, 5, 7],
    [7, 6, 5, 4, 3, 2, 1],
  ];
  return selections.flatMap((xs) =>
    Array.from({ length: xs.length }, (_, index) => index + 1).flatMap((t) => {
      const polynomial = Array.from({ length: t }, next);
      const honest = xs.map((x) => ({ x, y: evaluate(polynomial, BigInt(x)) }));
      // The last answer is off by one: with spare points this shows, without it yields another value.
      const lying = honest.map(({ x, y }, index) => ({ x, y: index === xs.length - 1 ? mod(y + 1n) : y }));
      return [honest, lying].map((points) => {
        const base = points.slice(0, t);
        return {
          t,
          xs,
          ys: points.map((point) => String(point.y)),
          value: String(lagrange(base)),
          disagreeing: points.slice(t).filter((point) => lagrange(base, point.x) !== point.y).length,
        };
      });
    }),
  );
}

function randomElements(seed: string): () => bigint {
  const bytes = seededBytes(seed);
  return () => mod(bytes(8).readBigUInt64BE());
}

function hex64(value: bigint): string {
  return value.toString(16).padStart(16, "0");
}
