/** The authority's list of certificates that are refused. */
import type { PartyTls } from "../runtime/broker-tls.ts";
import { KeyFolderError, REVOCATION_FILE } from "./folder.ts";

/**
 * Serial numbers in capitals, as Node tells those of a connection. Throws KeyFolderError where the list is none, or not
 * of this authority: whoever went by it would refuse everyone.
 */
export async function refusedSerials({ ca, crl }: Pick<PartyTls, "ca" | "crl">): Promise<ReadonlySet<string>> {
  if (crl === undefined) return new Set();
  // Only where there is a list: loading takes as long as starting a broker.
  await import("reflect-metadata");
  const { X509Certificate, X509Crl } = await import("@peculiar/x509");
  try {
    const list = new X509Crl(crl);
    if (await list.verify({ publicKey: new X509Certificate(ca) })) {
      return new Set(list.entries.map(({ serialNumber }) => serialNumber.toUpperCase()));
    }
  } catch (cause) {
    throw new KeyFolderError("damaged-file", `${REVOCATION_FILE} cannot be parsed`, { cause });
  }
  throw new KeyFolderError("not-trusted", `${REVOCATION_FILE} is not a list of the authority in ca.crt`);
}
