/** `customers.cbor`: public sealing keys of the customers, signed by the authority. */
import { z } from "zod";
import { bytesOfLength } from "../../protocol/bytes.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { CONTEXT, sign1, type Signer, verify1 } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import { meterId } from "../../protocol/names.ts";
import { readKeyFile } from "./folder.ts";
import type { Party } from "./party.ts";
import { trust } from "./trust.ts";

export const CUSTOMERS_FILE = "customers.cbor";
const publicKey = bytesOfLength(32, "a public key");
const customers = z.array(z.tuple([meterId, publicKey]));

/** The content of `customers.cbor`, signed by the authority. */
export function encodeCustomers(keys: ReadonlyMap<string, Uint8Array>, authority: Signer): Uint8Array {
  return sign1(encodeCbor([...keys]), authority, CONTEXT.customers);
}

/** Each meter's customer key (32 raw bytes). Throws KeyFolderError when the authority's signature does not hold. */
export function openCustomers(party: Party): Map<string, Uint8Array> {
  return trust(party.folder, CUSTOMERS_FILE, () =>
    openCustomerList(readKeyFile(party.folder, CUSTOMERS_FILE), party.directory),
  );
}

/** Such a list from anywhere. Throws ProtocolError unless the authority signed it. */
export function openCustomerList(bytes: Uint8Array, directory: Pick<Directory, "servers">): Map<string, Uint8Array> {
  const { payload } = verify1(bytes, directory, CONTEXT.customers, "authority");
  const parsed = customers.safeParse(decodeCbor(payload));
  if (!parsed.success) throw new ProtocolError("malformed", `a list of customers: ${z.prettifyError(parsed.error)}`);
  return new Map(parsed.data);
}
