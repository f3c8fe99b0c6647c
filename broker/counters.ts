/** What the broker counts about itself: published on `$SYS/broker/...`, written to its stats file, read by metrics. */

/** Changes as the broker works; every value is a count since the start, except where the name says `now`. */
export interface Counters {
  connectionsAccepted: number;
  connectionsNow: number;
  clientsIdentified: number;
  messagesReceived: number;
  messagesSent: number;
  bytesReceived: number;
  bytesSent: number;
  /** Sum of what waits for all clients. */
  queuedBytesNow: number;
  /** Clients cut off by a rule or limit. */
  clientsCutOff: number;
  subscriptionsNow: number;
  retainedNow: number;
  revokedNow: number;
}

export function newCounters(): Counters {
  return {
    connectionsAccepted: 0,
    connectionsNow: 0,
    clientsIdentified: 0,
    messagesReceived: 0,
    messagesSent: 0,
    bytesReceived: 0,
    bytesSent: 0,
    queuedBytesNow: 0,
    clientsCutOff: 0,
    subscriptionsNow: 0,
    retainedNow: 0,
    revokedNow: 0,
  };
}

/** Only the broker itself publishes below this; which roles may read it is in `rules.ts`. */
export const SYS_PREFIX = "$SYS/broker/";

/** `messagesReceived` becomes `$SYS/broker/messages/received`. */
export function sysTopic(counter: string): string {
  return SYS_PREFIX + counter.replaceAll(/[A-Z]/g, (letter) => `/${letter.toLowerCase()}`);
}
