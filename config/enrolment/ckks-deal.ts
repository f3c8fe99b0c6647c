/**
 * The dealer: makes the key pair of each parameter set, shares the secret key among the aggregators, and forgets it. It
 * exists in this process's memory only, from its generation to its dealing; what is written are public keys, and shares
 * sealed to one aggregator each.
 */
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CkksParameters, dataLevels } from "../../protocol/ckks/parameters.ts";
import { sealServerMessage, type ServerParty } from "../../protocol/envelope/index.ts";
import { type CkksEpoch, type CkksPart, type CkksSet, DEALING_BYTES } from "../../protocol/keys/index.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { CKKS_PART_FILES, ckksFolder, type SealedShares } from "../keys/ckks-files.ts";
import { writeWholeFile } from "../runtime/system-fault.ts";
import type { CkksPlan, CkksSetPlan } from "./ckks-plan.ts";

/** Called before each set: making keys of `strong` takes seconds. */
export type DealingProgress = (set: string, index: number, total: number) => void;

export interface DealOptions {
  /** Folder of all data; public keys go to `<data>/ckks/<epoch>`. */
  readonly data: string;
  readonly epoch: number;
  readonly n: number;
  readonly t: number;
  readonly plan: CkksPlan;
  /** Unix seconds. */
  readonly now: number;
  readonly authority: ServerParty;
  readonly onProgress?: DealingProgress | undefined;
}

export interface Dealt {
  readonly epoch: CkksEpoch;
  /** What goes to each aggregator, by its id. */
  readonly shares: ReadonlyMap<string, SealedShares>;
}

type NamedShares = [string, Uint8Array][];

/**
 * Deals an epoch and publishes its public keys. Nothing refers to them until a manifest with the epoch is written, so
 * those of an interrupted dealing are replaced.
 */
export async function dealCkks(options: DealOptions): Promise<Dealt> {
  const { data, epoch, n, t, plan, now, authority } = options;
  const folder = ckksFolder(data, epoch);
  const staging = join(dirname(folder), `.${epoch}.new`);
  rmSync(staging, { recursive: true, force: true });
  const dealing = Uint8Array.from(randomBytes(DEALING_BYTES));
  const sets = new Map<string, CkksSet>();
  const byIndex = new Map<number, NamedShares>();
  try {
    for (const [i, one] of plan.sets.entries()) {
      const { name } = one.parameters;
      options.onProgress?.(name, i + 1, plan.sets.length);
      const { set, shares } = await dealSet(one, options, join(staging, name));
      sets.set(name, set);
      for (const [index, share] of shares) byIndex.set(index, [...(byIndex.get(index) ?? []), [name, share]]);
    }
    const sealed = new Map<string, SealedShares>();
    for (const [index, shares] of byIndex) {
      const id = aggregatorId(index);
      const message = { type: "ckks-share", epoch, dealing, shares };
      sealed.set(id, [epoch, dealing, await sealServerMessage(message, authority, id)]);
    }
    rmSync(folder, { recursive: true, force: true });
    renameSync(staging, folder);
    const { insecureForTests } = plan;
    return { epoch: { epoch, dealing, created: Math.floor(now), n, t, insecureForTests, sets }, shares: sealed };
  } finally {
    for (const shares of byIndex.values()) for (const [, share] of shares) share.fill(0);
    rmSync(staging, { recursive: true, force: true });
  }
}

async function dealSet(
  { parameters, relin, galoisSteps }: CkksSetPlan,
  { n, t, plan }: DealOptions,
  folder: string,
): Promise<{ set: CkksSet; shares: ReadonlyMap<number, Uint8Array> }> {
  // Loaded here, because whoever only enrols meters needs no WebAssembly.
  const { generateKeys } = await import("../../protocol/ckks/seal/keys.ts");
  const made = await generateKeys(parameters, { relin, galoisSteps, insecureForTests: plan.insecureForTests });
  try {
    const shares = await dealSecret(made.secretKey, made.primes, parameters, { n, t });
    return { set: { parameters, galoisSteps, digests: writeParts(folder, made) }, shares };
  } finally {
    made.secretKey.fill(0n);
  }
}

/** The encoded shares by index. Ciphertexts never have the special prime, so it is not shared. */
async function dealSecret(
  whole: BigUint64Array,
  primes: readonly bigint[],
  parameters: CkksParameters,
  { n, t }: { readonly n: number; readonly t: number },
): Promise<ReadonlyMap<number, Uint8Array>> {
  const { Ring } = await import("../../protocol/ckks/ring/ring.ts");
  const { deal } = await import("../../protocol/ckks/threshold/deal.ts");
  const { encodeShare } = await import("../../protocol/ckks/threshold/share.ts");
  const levels = dataLevels(parameters);
  const ring = Ring.create(parameters.degree, primes.slice(0, levels));
  const secret = whole.subarray(0, levels * parameters.degree);
  const random = (count: number): Uint8Array => randomBytes(count);
  const shares = deal({ ring, secret, n, t, random });
  try {
    return new Map(shares.map((share) => [share.index, encodeShare(ring, share)]));
  } finally {
    for (const { poly } of shares) poly.fill(0n);
  }
}

/** Writes the public material of a set, readable by all, and returns its digests. */
function writeParts(folder: string, material: Readonly<Record<CkksPart, Uint8Array | undefined>>): CkksSet["digests"] {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const digests = (Object.keys(CKKS_PART_FILES) as CkksPart[]).flatMap((part): [CkksPart, Uint8Array][] => {
    const bytes = material[part];
    if (bytes === undefined) return [];
    const file = join(folder, CKKS_PART_FILES[part]);
    writeWholeFile(file, bytes, { flag: "wx", flush: true });
    chmodSync(file, 0o644); // whatever the umask was
    return [[part, Uint8Array.from(createHash("sha256").update(bytes).digest())]];
  });
  return Object.fromEntries(digests) as unknown as CkksSet["digests"];
}
