/**
 * Changes of single meters: added, moved, revoked, re-keyed. A change becomes a signed record and a pending file, which
 * is kept until every aggregator has countersigned, so that a command may be repeated and sends the same bytes again.
 */
import { existsSync } from "node:fs";
import { signRecord } from "../../protocol/membership.ts";
import type { MembershipRecord, Place } from "../../protocol/messages/enrolment.ts";
import { aggregatorId, feederId, meterId } from "../../protocol/names.ts";
import { sealServerMessage } from "../../protocol/envelope/index.ts";
import { type MeterSecrets, openMeterSecrets, type Party } from "../keys/index.ts";
import { encodeMeterSecrets, openMeterForRekey } from "../keys/meter-secrets.ts";
import { type Change, describe, sameChange } from "./change.ts";
import { addCustomers, openCa } from "./enrol.ts";
import { EnrolmentError } from "./files.ts";
import { customerKeyOf, newRootKeys, secretsFor, writeMeterFolder } from "./new-meters.ts";
import { type Pending, readPending, writePending } from "./pending.ts";
import type { RollBook, RollEntry } from "./roll-book.ts";
import { keyFolder } from "./system.ts";

/** The change does not fit what is enrolled: another command, or another meter, is meant. */
export class MisfitError extends EnrolmentError {
  constructor(message: string) {
    super(message);
    this.name = "MisfitError";
  }
}

export interface ChangeContext {
  readonly keys: string;
  readonly authority: Party;
  readonly book: RollBook;
  /** Unix seconds. */
  readonly now: number;
  /** The slot from which the change holds; it must not have begun when the aggregators see it. */
  readonly fromSlot: number;
  /** The slot that runs now. */
  readonly currentSlot: number;
}

/** Throws EnrolmentError, or KeyFolderError, for what cannot be done whatever the time is. Changes nothing. */
export function assertPossible(
  { keys, authority, book }: Pick<ChangeContext, "keys" | "authority" | "book">,
  change: Change,
): void {
  assertNames(change);
  const { meter } = change;
  const entry = book.get(meter);
  const pending = readPending(authority, meter);
  if (pending !== undefined && entry !== undefined && !book.isComplete(entry)) {
    if (sameChange(pending.change, change)) return;
    throw new EnrolmentError(
      `${meter}: "${describe(pending.change)}" is under way and needs more countersignatures: repeat that first`,
    );
  }
  if (entry !== undefined && book.isComplete(entry) && isDone(change, entry.record, Infinity)) return;
  placesAfter(change, book.wholeRecord(meter), 0);
  assertOneHead(book, change);
  if (change.action !== "rekey") return;
  const folder = keyFolder(keys, meter);
  if (!existsSync(folder)) throw new EnrolmentError(`${folder} is missing: bring it here and repeat the command`);
  openMeterForRekey(folder);
}

/**
 * Signs and stores what a change needs; returns undefined when it is done already. Takes up the same change again where
 * it is under way, unless its slot has passed without enough countersignatures: then it is signed anew for `fromSlot`.
 * Throws EnrolmentError when it contradicts what is there.
 */
export async function prepareChange(context: ChangeContext, change: Change): Promise<Pending | undefined> {
  assertPossible(context, change);
  const { authority, book, fromSlot, currentSlot } = context;
  const entry = book.get(change.meter);
  const pending = readPending(authority, change.meter);
  if (pending !== undefined && entry !== undefined && !book.isComplete(entry)) {
    // New meters may begin late and new keys change no place; only what would rewrite the past by now is signed anew.
    const timeless = change.action === "add" || change.action === "rekey";
    if (timeless || pending.fromSlot >= currentSlot) return pending;
  }
  const before = book.wholeRecord(change.meter);
  if (entry !== undefined && book.isComplete(entry)) {
    const unfinished = pending?.serial === entry.record.serial ? pending : undefined;
    // Countersigned, but its new keys have not reached the meter's folder.
    if (unfinished?.meterFile !== undefined && sameChange(unfinished.change, change)) return unfinished;
    if (isDone(change, entry.record, fromSlot)) return unfinished;
  }
  const serial = (entry?.record.serial ?? 0) + 1;
  const places = placesAfter(change, before, fromSlot);
  const asked = change.action === "add" ? change.role : undefined;
  const role = before === undefined ? asked : before.role;
  if (before !== undefined && asked !== undefined && before.role === undefined) {
    throw new MisfitError(`${change.meter} is a customer's meter: the head of a feeder needs one of its own`);
  }
  const lacking = keysLacking(entry, pending, authority.directory.n);
  const { record, secrets, meterFile } = await keysFor(context, change, lacking, {
    ...(role === undefined ? {} : { role }),
    meter: change.meter,
    serial,
    keyVersion: before?.keyVersion ?? 1,
    places,
  });
  const signed = signRecord(record, authority);
  const messages = new Map<string, Uint8Array>();
  const keyed: number[] = [];
  for (let index = 1; index <= authority.directory.n; index++) {
    const rootKey = secrets?.rootKeys.get(index);
    if (rootKey !== undefined) keyed.push(index);
    const message = { type: "enrol", record: signed, ...(rootKey === undefined ? {} : { rootKey }) };
    messages.set(aggregatorId(index), await sealServerMessage(message, authority, aggregatorId(index)));
  }
  const prepared = { change, serial, fromSlot, messages, keyed, ...(meterFile === undefined ? {} : { meterFile }) };
  // First what can be sent again, then the record: a crash between leaves a pending file that no record refers to.
  writePending(authority, prepared);
  book.addRecord(record, signed);
  book.save(context.keys);
  return prepared;
}

/** Aggregators that were to get root keys with the change before, and have not answered. */
function keysLacking(entry: RollEntry | undefined, pending: Pending | undefined, n: number): number[] {
  if (entry === undefined || pending?.serial !== entry.record.serial) return [];
  const { keyed, change } = pending;
  const brings = change.action === "add" || change.action === "rekey"; // as older versions kept it
  const all = keyed ?? (brings ? Array.from({ length: n }, (_, i) => i + 1) : []);
  return all.filter((index) => !entry.countersignatures.has(index));
}

interface WithKeys {
  readonly record: MembershipRecord;
  /** Root keys of those aggregators alone that are to get one. */
  readonly secrets?: Pick<MeterSecrets, "rootKeys">;
  readonly meterFile?: string;
}

/** The record with its key version; new keys where the change brings some. */
async function keysFor(
  { keys, authority, book, now }: ChangeContext,
  change: Change,
  lacking: readonly number[],
  record: MembershipRecord,
): Promise<WithKeys> {
  const { meter } = change;
  // A revoked meter that comes back keeps the keys it has.
  if (change.action === "add" && book.wholeRecord(meter) === undefined) {
    const secrets = secretsFor(keys, { meter, feeder: change.feeder }, authority.directory.n);
    await writeMeterFolder(keys, secrets, authority, await openCa(authority, now));
    addCustomers(keys, authority, new Map([[meter, customerKeyOf(secrets)]]));
    return { record: { ...record, keyVersion: secrets.keyVersion }, secrets };
  }
  if (change.action === "rekey") {
    const old = openMeterForRekey(keyFolder(keys, meter));
    // Above every version that was ever sent, also one that did not find enough countersignatures.
    const keyVersion = Math.max(record.keyVersion, book.get(meter)?.record.keyVersion ?? 0) + 1;
    const secrets = { ...old, keyVersion, rootKeys: newRootKeys(authority.directory.n) };
    return { record: { ...record, keyVersion }, secrets, meterFile: encodeMeterSecrets(secrets) };
  }
  const keyVersion = Math.max(record.keyVersion, book.get(meter)?.record.keyVersion ?? 0);
  const secrets = keysAgain(keys, { ...record, keyVersion }, change, lacking);
  return { record: { ...record, keyVersion }, ...(secrets === undefined ? {} : { secrets }) };
}

/**
 * The keys that some aggregators still lack, for the message of a later change: what was sealed before is of an older
 * record by now, and refused. Nothing holds up a revocation.
 */
function keysAgain(
  keys: string,
  { meter, keyVersion }: MembershipRecord,
  { action }: Change,
  lacking: readonly number[],
): WithKeys["secrets"] {
  if (lacking.length === 0) return undefined;
  const folder = keyFolder(keys, meter);
  const secrets = existsSync(folder) ? openMeterSecrets(folder) : undefined;
  if (secrets?.keyVersion === keyVersion) {
    return { rootKeys: new Map([...secrets.rootKeys].filter(([index]) => lacking.includes(index))) };
  }
  if (action === "revoke") return undefined;
  const whose = lacking.map(aggregatorId).join(", ");
  throw new EnrolmentError(
    `${meter}: ${whose} lacks its keys, which are not in ${folder}: repeat what gave them (sync), or bring the folder here`,
  );
}

function placesAfter(change: Change, before: MembershipRecord | undefined, from: number): Place[] {
  const { meter } = change;
  const open = before?.places.at(-1)?.to === null ? before.places.at(-1) : undefined;
  if (change.action === "add") {
    if (open !== undefined) throw new MisfitError(`${meter} is enrolled on ${open.feeder}: use move`);
    return [...cut(before?.places ?? [], from), { feeder: change.feeder, from, to: null }];
  }
  if (before === undefined) throw new MisfitError(`${meter} is not enrolled: \`npm run enrol -- list\` shows who is`);
  if (change.action === "rekey") return before.places;
  if (change.action === "revoke") return cut(before.places, from);
  if (open === undefined) throw new MisfitError(`${meter} is revoked: use add`);
  return [...cut(before.places, from), { feeder: change.feeder, from, to: null }];
}

/** What flows into a feeder is one reading: a second head would be added to it. Throws MisfitError. */
function assertOneHead(book: RollBook, change: Change): void {
  if (change.action !== "add" && change.action !== "move") return;
  const { meter, feeder } = change;
  const role = book.get(meter)?.record.role ?? (change.action === "add" ? change.role : undefined);
  if (role !== "head") return;
  const other = book.entries().find(({ record }) => {
    const last = record.places.at(-1);
    return record.role === "head" && record.meter !== meter && last?.to === null && last.feeder === feeder;
  });
  if (other === undefined) return;
  const there = other.record.meter;
  throw new MisfitError(
    `${feeder} has a head, ${there}: end its place first (npm run enrol -- revoke --meter ${there})`,
  );
}

/** Places as far as they lie before a slot. */
function cut(places: readonly Place[], slot: number): Place[] {
  return places
    .filter(({ from }) => from < slot)
    .map((place) => (place.to === null || place.to > slot ? { ...place, to: slot } : place));
}

function isDone(change: Change, { places }: MembershipRecord, fromSlot: number): boolean {
  const last = places.at(-1);
  switch (change.action) {
    case "add":
    case "move":
      return last?.to === null && last.feeder === change.feeder;
    case "revoke":
      return places.every(({ to }) => to !== null && to <= fromSlot);
    case "rekey":
      return false;
  }
}

function assertNames(change: Change): void {
  if (!meterId.safeParse(change.meter).success) throw new EnrolmentError(`--meter: "${change.meter}" is no meter id`);
  if ("feeder" in change && !feederId.safeParse(change.feeder).success) {
    throw new EnrolmentError(`--feeder: "${change.feeder}" is no feeder id`);
  }
}
