/** The roll as analytics keeps it: what its key folder brought, and the certificates that have come since. */
import type { SqlDatabase } from "../config/runtime/sql.ts";
import { openRoll, type Party } from "../config/keys/index.ts";
import { decodeCbor, encodeCbor } from "../protocol/cbor.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Roll } from "../protocol/membership.ts";
import { membershipCertificate } from "../protocol/messages/enrolment.ts";

export function loadRoll(db: SqlDatabase, party: Party): Roll {
  const roll = openRoll(party);
  for (const { certificate } of db.prepare<[], { certificate: Uint8Array }>("SELECT certificate FROM roll").all()) {
    roll.add(membershipCertificate.parse(decodeCbor(certificate)));
  }
  return roll;
}

/** Takes a certificate of `wv/1/e/roll` and keeps it; returns whether it is news. What does not verify is refused. */
export function takeCertificate(
  db: SqlDatabase,
  roll: Roll,
  payload: Uint8Array,
  refuse: (code: string, detail: string) => void,
): boolean {
  try {
    const parsed = membershipCertificate.safeParse(decodeCbor(payload));
    if (!parsed.success) throw new ProtocolError("malformed", "expected a membership certificate");
    const record = roll.add(parsed.data);
    if (record === undefined) return false;
    const certificate = Buffer.from(encodeCbor(parsed.data));
    db.prepare(
      `INSERT INTO roll (meter, serial, certificate) VALUES (?, ?, ?)
       ON CONFLICT (meter) DO UPDATE SET serial = excluded.serial, certificate = excluded.certificate`,
    ).run(record.meter, record.serial, certificate);
    return true;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    refuse(`roll-${error.code}`, error.message);
    return false;
  }
}
