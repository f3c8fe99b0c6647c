/** The roll as the utility keeps it: what its key folder brought, and the certificates that have come since. */
import { openRoll, type Party } from "../config/keys/index.ts";
import { decodeCbor, encodeCbor } from "../protocol/cbor.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Roll } from "../protocol/membership.ts";
import { membershipCertificate } from "../protocol/messages/enrolment.ts";
import type { UtilityDatabase } from "./store/open.ts";

/** The roll of the key folder, and what has come since. */
export async function loadRoll(db: UtilityDatabase, party: Party): Promise<Roll> {
  const roll = openRoll(party);
  for (const { certificate } of await db.selectFrom("roll").select("certificate").execute()) {
    roll.add(membershipCertificate.parse(decodeCbor(certificate)));
  }
  return roll;
}

/** Takes a certificate of `wv/1/e/roll` and keeps it. What does not verify is refused with its code. */
export async function takeCertificate(
  { db, roll }: { readonly db: UtilityDatabase; readonly roll: Roll },
  payload: Uint8Array,
  refuse: (code: string, detail: string) => void,
): Promise<void> {
  try {
    const parsed = membershipCertificate.safeParse(decodeCbor(payload));
    if (!parsed.success) throw new ProtocolError("malformed", "expected a membership certificate");
    const record = roll.add(parsed.data);
    if (record === undefined) return;
    const row = { serial: record.serial, certificate: encodeCbor(parsed.data) };
    await db
      .insertInto("roll")
      .values({ meter_id: record.meter, ...row })
      .onConflict((conflict) => conflict.column("meter_id").doUpdateSet(row))
      .execute();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    refuse(`roll-${error.code}`, error.message);
  }
}
