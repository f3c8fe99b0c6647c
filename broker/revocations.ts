/**
 * Which meters the authority has revoked: those whose latest membership record has no place without an end. Learnt from
 * `roll.cbor` at the start and from `wv/1/e/roll` while running; kept in `broker.db`, so that a restart forgets none.
 */
import type { SqliteDatabase } from "../config/runtime/database.ts";
import { guardStorage, migrate } from "../config/runtime/database.ts";
import { decodeCbor } from "../protocol/cbor.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Directory } from "../protocol/keys/index.ts";
import { openRecord } from "../protocol/membership.ts";
import { membershipCertificate } from "../protocol/messages/enrolment.ts";
import type { MembershipCertificate } from "../protocol/messages/enrolment.ts";

const MIGRATIONS = [
  `CREATE TABLE members (
     meter TEXT PRIMARY KEY,
     serial INTEGER NOT NULL,
     revoked INTEGER NOT NULL CHECK (revoked IN (0, 1))
   ) WITHOUT ROWID;`,
];

interface Member {
  readonly serial: number;
  readonly revoked: boolean;
}

export class Revocations {
  readonly #database: SqliteDatabase;
  readonly #directory: Pick<Directory, "servers">;
  readonly #members = new Map<string, Member>();
  #count = 0;

  constructor(database: SqliteDatabase, directory: Pick<Directory, "servers">) {
    this.#database = database;
    this.#directory = directory;
    migrate(database, MIGRATIONS);
    const rows = guardStorage(database, () => database.prepare("SELECT meter, serial, revoked FROM members").all());
    for (const { meter, serial, revoked } of rows as { meter: string; serial: number; revoked: number }[]) {
      this.#note(meter, { serial, revoked: revoked === 1 });
    }
  }

  /** Meters revoked now. */
  get count(): number {
    return this.#count;
  }

  isRevoked(meter: string): boolean {
    return this.#members.get(meter)?.revoked === true;
  }

  /** Meters that are not revoked, sorted. */
  admitted(): string[] {
    return [...this.#members]
      .filter(([, { revoked }]) => !revoked)
      .map(([meter]) => meter)
      .sort();
  }

  /** The payload of `wv/1/e/roll`. Returns the meter if it is revoked by it. Throws ProtocolError and StorageError. */
  learn(payload: Uint8Array): string | undefined {
    const parsed = membershipCertificate.safeParse(decodeCbor(payload));
    if (!parsed.success) throw new ProtocolError("malformed", "expected a membership certificate");
    return this.add(parsed.data);
  }

  /** Takes many certificates at once, as `roll.cbor` holds them. Throws ProtocolError and StorageError. */
  addAll(certificates: readonly MembershipCertificate[]): void {
    this.#database.transaction(() => {
      for (const certificate of certificates) this.add(certificate);
    })();
  }

  /**
   * The authority's signature alone decides here: the aggregators' countersignatures are about which feeder a meter
   * counts for, and to lock a meter out must not wait for them. An older record never undoes a newer one.
   */
  add(certificate: MembershipCertificate): string | undefined {
    const { meter, serial, places } = openRecord(certificate.record, this.#directory);
    const known = this.#members.get(meter);
    if (known !== undefined && known.serial >= serial) return undefined;
    const revoked = places.every(({ to }) => to !== null);
    guardStorage(this.#database, () =>
      this.#database
        .prepare("INSERT OR REPLACE INTO members (meter, serial, revoked) VALUES (?, ?, ?)")
        .run(meter, serial, revoked ? 1 : 0),
    );
    this.#note(meter, { serial, revoked });
    return revoked ? meter : undefined;
  }

  #note(meter: string, member: Member): void {
    if (this.isRevoked(meter)) this.#count--;
    if (member.revoked) this.#count++;
    this.#members.set(meter, member);
  }
}
