/** How a party reaches a broker: mutual TLS 1.3, and only with a broker of its own authority. */
import type { Duplex } from "node:stream";
import tls from "node:tls";
import type { PeerCertificate, SecureContext } from "node:tls";
import type { BrokerNode } from "./broker-address.ts";
import { LinkError } from "./link-error.ts";

/** A party's own certificate and key, the authority's certificate and those that it refuses; PEM texts. */
export interface PartyTls {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  /** Left out where nothing is refused. */
  readonly crl?: string;
}

/**
 * Opens TLS 1.3 streams. The certificate must come from our authority and name the role of a broker: any party holds a
 * certificate of that authority, and none of them may play the broker. The host name is only where to look. A party
 * whose certificate was renewed shows the new one from its next connection on.
 */
export function tlsOpener(party: { readonly tls: PartyTls }): (node: BrokerNode) => Duplex {
  let shown: PartyTls | undefined;
  let secureContext: SecureContext | undefined;
  return ({ host, port }) => {
    const current = party.tls;
    if (current !== shown) secureContext = tls.createSecureContext({ ...current, minVersion: "TLSv1.3" });
    shown = current;
    const socket = tls.connect({ host, port, secureContext, servername: "broker", checkServerIdentity: requireBroker });
    return socket.setNoDelay(true); // packets are gathered above; waiting below would only add delay
  };
}

function requireBroker(_host: string, certificate: PeerCertificate): Error | undefined {
  const unit: unknown = certificate.subject.OU;
  if (unit === "broker") return undefined;
  return new LinkError("untrusted", `what answers has the certificate of a ${String(unit)}, not of a broker`);
}
