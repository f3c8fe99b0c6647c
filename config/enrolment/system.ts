/**
 * Founds a system: the authority with its CA, and the folders of all servers. Everything appears in one step, so that
 * an interrupted run leaves nothing half made.
 */
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type Directory,
  rawPublicKey,
  sealCkksManifest,
  sealDirectory,
  type ServerKeys,
} from "../../protocol/keys/index.ts";
import { aggregatorId } from "../../protocol/names.ts";
import type { Role } from "../../protocol/topics.ts";
import { encodeSealedShares } from "../keys/ckks-files.ts";
import { CUSTOMERS_FILE, encodeCustomers } from "../keys/customers-file.ts";
import { CKKS_FILE, CKKS_SHARE_FILE } from "../keys/folder.ts";
import { openParty, type Party } from "../keys/index.ts";
import { encodeMeterKeyLists, METER_KEYS_FILE } from "../keys/meter-keys-file.ts";
import { encodeRoll, ROLL_FILE } from "../keys/roll-file.ts";
import { type CertificateAuthority, createCertificateAuthority } from "./certificates.ts";
import { type DealingProgress, type Dealt, dealCkks } from "./ckks-deal.ts";
import type { CkksPlan } from "./ckks-plan.ts";
import { EnrolmentError, makeFolder, writeFolder } from "./files.ts";

/** What a system keeps for good. */
export interface SystemSettings {
  readonly aggregators: number;
  readonly threshold: number;
  readonly quorum: number;
  readonly slotSeconds: number;
  /** Only a system founded as a simulation ever takes a simulated clock. */
  readonly simulation: boolean;
}

export interface SystemOptions extends SystemSettings {
  /** Names and addresses in the broker's certificate. */
  readonly hosts: readonly string[];
  /** Unix seconds. */
  readonly now: number;
  /** The keys for ciphertexts to deal at founding; left out: none. */
  readonly ckks?: CkksPlan | undefined;
  readonly onDealing?: DealingProgress | undefined;
}

interface Server {
  readonly id: string;
  readonly role: Role;
  readonly signs: boolean;
  readonly receives: boolean;
}

/** The servers of a system; the simulator only exists in a simulation. */
function serversOf({ aggregators, simulation }: SystemOptions): Server[] {
  const both = { signs: true, receives: true };
  return [
    { id: "authority", role: "authority", ...both },
    { id: "utility", role: "utility", ...both },
    { id: "analytics", role: "analytics", ...both },
    { id: "broker", role: "broker", signs: false, receives: false },
    ...Array.from(
      { length: aggregators },
      (_, i): Server => ({ id: aggregatorId(i + 1), role: "aggregator", ...both }),
    ),
    ...(simulation ? [{ id: "simulator", role: "simulator", signs: true, receives: false } as const] : []),
  ];
}

/** The folder of a party's keys. */
export function keyFolder(keys: string, party: string): string {
  return join(keys, party);
}

/** Opens the authority of the system in a folder of keys, or founds the system. */
export async function openOrFoundSystem(keys: string, options: SystemOptions): Promise<Party> {
  if (!existsSync(keys)) await foundSystem(keys, options);
  const authority = openAuthority(keys);
  assertSame(authority.directory, options, keys);
  return authority;
}

/** Opens the authority's folder. Throws EnrolmentError where there is none. */
export function openAuthority(keys: string): Party {
  const folder = keyFolder(keys, "authority");
  if (!existsSync(folder)) {
    throw new EnrolmentError(`${folder} is missing: meters are enrolled where the authority's keys are`);
  }
  return openParty(folder);
}

async function foundSystem(keys: string, options: SystemOptions): Promise<void> {
  const staging = `${keys}.new`;
  rmSync(staging, { recursive: true, force: true });
  makeFolder(staging);
  const ca = await createCertificateAuthority(options.now);
  const servers = serversOf(options).map((server) => ({
    ...server,
    sign: server.signs ? generateKeyPairSync("ed25519") : undefined,
    seal: server.receives ? generateKeyPairSync("x25519") : undefined,
  }));
  const authority = servers[0]!.sign!;
  const directory = directoryOf(options, ca, servers);
  const common = new Map<string, string | Uint8Array>([
    ["ca.crt", ca.credentials.certificate],
    ["authority.pub", authority.publicKey.export({ type: "spki", format: "pem" }).toString()],
    ["directory.cose", sealDirectory(directory, authority.privateKey)],
  ]);
  const dealt = await dealAtFounding(dirname(keys), options, directory, authority.privateKey);
  await Promise.all(
    servers.map(async ({ id, role, sign, seal }) => {
      const { certificate, key } = await ca.issue(id, role, role === "broker" ? options.hosts : []);
      const files = new Map([...common, ["identity.crt", certificate], ["identity.key", key]]);
      if (sign !== undefined) files.set("sign.key", privatePem(sign.privateKey));
      if (seal !== undefined) files.set("seal.key", privatePem(seal.privateKey));
      for (const [name, content] of emptyLists(role, authority.privateKey)) files.set(name, content);
      for (const [name, content] of ckksFiles(id, role, dealt, authority.privateKey)) files.set(name, content);
      if (role === "authority") files.set("ca.key", ca.credentials.key);
      writeFolder(keyFolder(staging, id), files);
    }),
  );
  renameSync(staging, keys);
}

/** Without a folder of keys nothing refers to an epoch, so whatever is there of the first one is replaced. */
function dealAtFounding(
  data: string,
  { ckks: plan, onDealing, now }: SystemOptions,
  directory: Directory,
  signKey: KeyObject,
): Promise<Dealt> | undefined {
  if (plan === undefined) return undefined;
  const { n, t } = directory;
  return dealCkks({
    ...{ data, epoch: 1, n, t, plan, now },
    authority: { id: "authority", signKey, directory },
    onProgress: onDealing,
  });
}

function ckksFiles(id: string, role: Role, dealt: Dealt | undefined, signKey: KeyObject): [string, Uint8Array][] {
  if (dealt === undefined || role === "broker" || role === "simulator") return [];
  const manifest: [string, Uint8Array] = [CKKS_FILE, sealCkksManifest([dealt.epoch], signKey)];
  const share = dealt.shares.get(id);
  return share === undefined ? [manifest] : [manifest, [CKKS_SHARE_FILE, encodeSealedShares([share])]];
}

function directoryOf(
  options: SystemOptions,
  ca: CertificateAuthority,
  servers: readonly (Server & { sign?: Pair | undefined; seal?: Pair | undefined })[],
): Directory {
  return {
    n: options.aggregators,
    t: options.threshold,
    q: options.quorum,
    slotSeconds: options.slotSeconds,
    simulation: options.simulation,
    created: Math.floor(options.now),
    ca: Uint8Array.from(createHash("sha256").update(ca.der).digest()),
    servers: new Map(
      servers.map(({ id, role, sign, seal }): [string, ServerKeys] => [
        id,
        {
          role,
          ...(sign === undefined ? {} : { signKey: sign.publicKey }),
          ...(seal === undefined ? {} : { sealKey: rawPublicKey(seal.publicKey) }),
        },
      ]),
    ),
  };
}

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function emptyLists(role: Role, signKey: KeyObject): [string, Uint8Array][] {
  const roll: [string, Uint8Array] = [ROLL_FILE, encodeRoll([])];
  const customers = (): [string, Uint8Array] => [
    CUSTOMERS_FILE,
    encodeCustomers(new Map(), { id: "authority", signKey }),
  ];
  if (role === "aggregator") return [roll, [METER_KEYS_FILE, encodeMeterKeyLists([])]];
  if (role === "utility" || role === "authority") return [roll, customers()];
  return role === "broker" || role === "analytics" ? [roll] : [];
}

function privatePem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Throws EnrolmentError where the keys are of a system with other settings; does nothing where there are none yet. */
export function assertSystem(keys: string, settings: SystemSettings): void {
  if (existsSync(keys)) assertSame(openAuthority(keys).directory, settings, keys);
}

/** A system keeps what it was founded with: every reading is shared for these n and t. */
function assertSame(directory: Directory, options: SystemSettings, keys: string): void {
  const differences = [
    ["aggregators", directory.n, options.aggregators],
    ["threshold", directory.t, options.threshold],
    ["quorum", directory.q, options.quorum],
    ["slotSeconds", directory.slotSeconds, options.slotSeconds],
    ["simulation", directory.simulation, options.simulation],
  ].filter(([, is, wanted]) => is !== wanted);
  if (differences.length > 0) {
    const list = differences.map(([name, is, wanted]) => `${String(name)} ${String(is)}, not ${String(wanted)}`);
    throw new EnrolmentError(`${keys} was enrolled with ${list.join("; ")}: use another --data, or the same settings`);
  }
}
