/**
 * Customers' public keys: those of the key folder, and those that the authority has announced since, which are kept in
 * the database, because the authority may be on another machine. A key never changes, so a replay changes nothing.
 */
import { openCustomerList } from "../config/keys/customers-file.ts";
import { openCustomers, type Party } from "../config/keys/index.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { UtilityDatabase } from "./store/open.ts";

export class CustomerKeys {
  readonly #db: UtilityDatabase;
  readonly #party: Party;
  readonly #keys: Map<string, Uint8Array>;

  private constructor(db: UtilityDatabase, party: Party, keys: Map<string, Uint8Array>) {
    this.#db = db;
    this.#party = party;
    this.#keys = keys;
  }

  /** Throws KeyFolderError when the file in the key folder does not verify. */
  static async load(db: UtilityDatabase, party: Party): Promise<CustomerKeys> {
    const rows = await db.selectFrom("customers").selectAll().execute();
    const announced = rows.map(({ meter_id, public_key }) => [meter_id, Uint8Array.from(public_key)] as const);
    return new CustomerKeys(db, party, new Map([...announced, ...openCustomers(party)]));
  }

  get(meter: string): Uint8Array | undefined {
    if (!this.#keys.has(meter)) {
      // Enrolled on this machine while we run: the file has been replaced.
      for (const [other, key] of openCustomers(this.#party)) if (!this.#keys.has(other)) this.#keys.set(other, key);
    }
    return this.#keys.get(meter);
  }

  /**
   * Takes a list of `wv/1/e/customers` and returns the meters that are new. Throws ProtocolError when the authority did
   * not sign it, or when it gives a known meter another key; nothing of it is kept then.
   */
  async take(payload: Uint8Array): Promise<string[]> {
    const listed = openCustomerList(payload, this.#party.directory);
    for (const [meter, key] of listed) {
      const known = this.#keys.get(meter);
      if (known !== undefined && !Buffer.from(known).equals(key)) {
        throw new ProtocolError("replayed", `${meter} has another customer key already`);
      }
    }
    const added = [...listed].filter(([meter]) => !this.#keys.has(meter));
    if (added.length === 0) return [];
    await this.#db.transaction().execute(async (transaction) => {
      for (const [meter_id, public_key] of added) {
        const row = { meter_id, public_key: Uint8Array.from(public_key) };
        await transaction
          .insertInto("customers")
          .values(row)
          .onConflict((conflict) => conflict.column("meter_id").doNothing())
          .execute();
        this.#keys.set(meter_id, row.public_key);
      }
    });
    return added.map(([meter]) => meter);
  }
}
