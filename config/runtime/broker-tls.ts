/** How a party reaches a broker: mutual TLS 1.3, and only with a broker of its own authority. */
import type { Duplex } from "node:stream";
import tls from "node:tls";
import type { PeerCertificate, SecureContext } from "node:tls";
import type { BrokerNode } from "./broker-address.ts";
import { LinkError } from "./link-error.ts";

/** A party's own certificate and key, and the authority's certificate; PEM texts. */
export interface PartyTls {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/**
 * Opens TLS 1.3 streams. The certificate must come from our authority and name the role of a broker: any party holds a
 * certificate of that authority, and none of them may play the broker. The host name is only where to look.
 */
export function tlsOpener(party: PartyTls): (node: BrokerNode) => Duplex {
  let secureContext: SecureContext | undefined;
  return ({ host, port }) => {
    secureContext ??= tls.createSecureContext({ ...party, minVersion: "TLSv1.3" });
    const socket = tls.connect({ host, port, secureContext, servername: "broker", checkServerIdentity: requireBroker });
    return socket.setNoDelay(true); // packets are gathered above; waiting below would only add delay
  };
}

function requireBroker(_host: string, certificate: PeerCertificate): Error | undefined {
  const unit: unknown = certificate.subject.OU;
  if (unit === "broker") return undefined;
  return new LinkError("untrusted", `what answers has the certificate of a ${String(unit)}, not of a broker`);
}
