/** `customers.cbor`: public sealing keys of the customers, signed by the authority. */
import { z } from "zod";
import { bytesOfLength } from "../../protocol/bytes.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { CONTEXT, sign1, type Signer, verify1 } from "../../protocol/envelope/index.ts";
import { meterId } from "../../protocol/names.ts";
import { readKeyFile } from "./folder.ts";
import { type Party, trust } from "./party.ts";

export const CUSTOMERS_FILE = "customers.cbor";
const publicKey = bytesOfLength(32, "a public key");
const customers = z.array(z.tuple([meterId, publicKey]));

/** The content of `customers.cbor`, signed by the authority. */
export function encodeCustomers(keys: ReadonlyMap<string, Uint8Array>, authority: Signer): Uint8Array {
  return sign1(encodeCbor([...keys]), authority, CONTEXT.customers);
}

/** Each meter's customer key (32 raw bytes). Throws KeyFolderError when the authority's signature does not hold. */
export function openCustomers(party: Party): Map<string, Uint8Array> {
  return trust(party.folder, CUSTOMERS_FILE, () => {
    const bytes = readKeyFile(party.folder, CUSTOMERS_FILE);
    const { payload } = verify1(bytes, party.directory, CONTEXT.customers, "authority");
    return new Map(customers.parse(decodeCbor(payload)));
  });
}
