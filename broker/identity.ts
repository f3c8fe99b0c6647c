/** Who a client is, by its certificate: CN is its id, OU its role, and the two must fit each other. */
import type { PeerCertificate } from "node:tls";
import { indexOfAggregator, meterId, workerSuffix } from "../protocol/names.ts";
import { BULK_SUFFIX } from "../protocol/topics.ts";
import type { ClientIdentity, Role } from "../protocol/topics.ts";

/** What follows an aggregator's id in the client ids of its workers (`workerSuffix`), of which there are at most 32. */
const WORKER_CLIENT = /^\.w([1-9]|[12]\d|3[0-2])$/;
/** Roles that have one party each, which is called like the role. */
const SINGLE: readonly Role[] = ["utility", "analytics", "api", "authority", "simulator"];

/**
 * The identity in a verified certificate; undefined where there is none that may connect. That each id has one possible
 * role means that whoever takes over a client id is the same party.
 */
export function identityOf(certificate: Pick<PeerCertificate, "subject">): ClientIdentity | undefined {
  // An attribute that occurs twice is an array.
  const { CN: id, OU: role } = certificate.subject as { CN?: unknown; OU?: unknown };
  if (typeof id !== "string") return undefined;
  if (role === "meter") return meterId.safeParse(id).success ? { id, role } : undefined;
  if (role === "aggregator") return indexOfAggregator(id) === undefined ? undefined : { id, role };
  const single = SINGLE.find((name) => name === role);
  return single !== undefined && single === id ? { id, role: single } : undefined;
}

/**
 * The identity with which a client connects under this client id: a meter may have a second one, and an aggregator one for
 * each of its workers.
 */
export function connectingAs(identity: ClientIdentity, clientId: string): ClientIdentity {
  const { id, role } = identity;
  if (role === "meter" && clientId === `${id}${BULK_SUFFIX}`) return { ...identity, bulk: true };
  const mayBeWorker = role === "aggregator" && clientId.startsWith(id);
  const worker = mayBeWorker ? WORKER_CLIENT.exec(clientId.slice(id.length)) : null;
  return worker === null ? identity : { ...identity, worker: Number(worker[1]) };
}

/** The client id under which an identity connects. */
export function clientIdOf({ id, bulk, worker }: ClientIdentity): string {
  if (worker !== undefined) return `${id}${workerSuffix(worker)}`;
  return bulk === true ? `${id}${BULK_SUFFIX}` : id;
}

/** Parties of the operators; their connections are held back rather than cut when they cannot keep up. */
export function isServer({ role }: ClientIdentity): boolean {
  return role !== "meter" && role !== "public";
}
