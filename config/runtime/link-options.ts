/** What a link is given, and what it offers. */
import type { Duplex } from "node:stream";
import type { Config } from "../schema.ts";
import type { BrokerNode } from "./broker-address.ts";
import type { PartyTls } from "./broker-tls.ts";
import type { Done } from "./connection.ts";
import type { LinkError } from "./link-error.ts";

/** The part of a party's keys that a link needs. */
export interface LinkParty {
  readonly id: string;
  /** Read at each connection. */
  readonly tls: PartyTls;
}

/** The part of a logger that a link needs. */
export interface LinkLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface LinkOptions {
  readonly party: LinkParty;
  readonly host: string;
  readonly port: number;
  /** Further nodes of the broker: the first one is chosen by chance, and the next after each connection that ended. */
  readonly others?: readonly BrokerNode[];
  readonly subscriptions: readonly string[];
  /** QoS of the subscriptions; 1 if left out (config `broker.deliveryQos`). */
  readonly deliveryQos?: 0 | 1;
  /** Added to the party's id in the MQTT client id: a meter's second connection is `.bulk` (`BULK_SUFFIX`). */
  readonly clientIdSuffix?: string;
  /**
   * Called for each message in order. A synchronous handler costs no promise; while more than `link.maxPending`
   * promises are open the broker is held back. The payload is a view into the receive buffer: copy what is kept long.
   */
  readonly onMessage: (topic: string, payload: Uint8Array) => void | Promise<void>;
  /** Published by the broker, retained, when this party vanishes without closing. */
  readonly will?: { readonly topic: string; readonly payload: string | Uint8Array; readonly retain?: boolean };
  /** After each connection, when its subscriptions are granted; the first time before `connectLink` resolves. */
  readonly onConnect?: (link: Link) => void | Promise<void>;
  readonly onDisconnect?: (reason: LinkError) => void;
  /**
   * For a party of which only one process may run. Another one with its keys takes its place at the broker, and they
   * would throw each other out for ever: after `link.takeovers` times the link gives up, through `onFailure` (or
   * `connectLink` rejects), with the LinkError `taken-over`.
   */
  readonly alone?: boolean;
  /**
   * Messages under topics that begin so come all the time: silence at a node of a cluster (`link.deafSeconds`) means that
   * they do not reach it.
   */
  readonly expectsMessages?: string;
  /** A handler threw or rejected. By default the error is thrown where it stops the process. */
  readonly onFailure?: (error: unknown) => void;
  readonly log: LinkLog;
  /** Config `link`; its defaults if left out. */
  readonly settings?: Config["link"];
  /** Gives up the first connection, or closes the link. */
  readonly signal?: AbortSignal;
  /** In place of TLS: simulated network conditions and tests. */
  readonly openStream?: () => Duplex;
  /** A number in [0, 1) for the jitter of reconnections. */
  readonly random?: () => number;
}

export interface PublishOptions {
  readonly retain?: boolean;
}

export interface Link {
  /** Resolves when the broker has acknowledged (which is not delivery). Rejects with LinkError. */
  publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): Promise<void>;
  /** As publish, without a promise: `done` gets the error. For acks and other messages whose loss is repaired later. */
  send(topic: string, payload: Uint8Array | string, options?: PublishOptions, done?: Done): void;
  /** Adds filters, now and for every later connection. Rejects with LinkError. */
  subscribe(filters: readonly string[]): Promise<void>;
  /** To be called again and again: what is awaited in vain for `link.deafSeconds` is looked for at the next node. */
  noteWaiting(isInVain: () => boolean): void;
  readonly connected: boolean;
  /** Messages sent and not yet acknowledged by the broker. */
  readonly inFlight: number;
  /** Waits for what is in flight (at most `link.closeSeconds`) and disconnects; no will is published. */
  close(): Promise<void>;
}
