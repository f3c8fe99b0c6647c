/** What a meter agent is given: keys, settings, memory, a connection, and who wants to know what happens. */
import type { Ack } from "../../protocol/envelope/index.ts";
import type { BitsByKind } from "../../protocol/range/bit-entries.ts";
import type { Kind } from "../../protocol/units.ts";
import type { Gap, Outbox } from "./outbox.ts";
import type { PendingRun } from "./pending-runs.ts";
import type { RegisterRules } from "./register.ts";

/** What a meter holds: see docs/protocol.md, "Folders of keys". */
export interface MeterSecrets {
  readonly meter: string;
  readonly polynomialKey: Uint8Array;
  /** By aggregator index. */
  readonly rootKeys: ReadonlyMap<number, Uint8Array>;
}

export interface AgentSettings extends RegisterRules {
  readonly threshold: number;
  /** A head shares what it measures under kinds of its own, a customer's meter never does. Default: a customer's. */
  readonly role?: "customer" | "head";
  /** Kinds that are shared bit by bit; a reading that its bits do not hold is a gap. */
  readonly bits: BitsByKind;
  /** Slots per message when readings come one by one; a batch is aligned to multiples of it. */
  readonly batchSlots: number;
  readonly maxSlotsPerMessage: number;
  /** Readings that may wait for acks; beyond it the oldest becomes a gap. */
  readonly outboxSlots: number;
  readonly resendSeconds: number;
  readonly maxInFlight: number;
  readonly historyDays: number;
}

/** The part of a connection that the agent uses. What could not be sent is reported, and sent again by the agent. */
export interface AgentLink {
  readonly connected: boolean;
  send(
    topic: string,
    payload: Uint8Array | string,
    options: { readonly retain?: boolean },
    done: (error?: Error) => void,
  ): void;
}

export interface AgentEvents {
  /** A slot was given up: an aggregator refused it for good, or the outbox was full, or the register had a gap. */
  readonly gap?: (meter: string, gap: Gap) => void;
  /** A message from an aggregator was refused. */
  readonly refused?: (meter: string, error: unknown) => void;
  /** A reading was settled by every aggregator. */
  readonly settled?: (meter: string, kind: number, firstSlot: number, count: number) => void;
  /** A share message went out. */
  readonly sent?: (meter: string, aggregator: number, slots: number, bytes: number) => void;
  /** Readings were cut into shares; these are the aggregator's. Both are the device's own: only a simulation listens. */
  readonly cut?: (meter: string, run: PendingRun, aggregator: number, entries: Uint8Array) => void;
}

/** What a companion of the shares has sent, and what it waits for. */
export interface CompanionPost {
  /** Does something wait for this aggregator's answer? Then the meter says hello until it is answered. */
  waitsFor(aggregator: number): boolean;
  /** Has the aggregator been silent for so long that it may have forgotten this meter? Asks once. */
  doubts(aggregator: number): boolean;
  /** The connection stands. */
  connected(): void;
  /** An aggregator has answered the challenge: it may be sent to. */
  opened(): void;
}

/** What else goes over the ordinary connection, and hears the same acks: digests of ciphertexts, and updates. */
export interface AgentCompanion {
  readonly post: CompanionPost;
  acknowledged(aggregator: number, ack: Pick<Ack, "digests" | "updates">): void;
  /** An aggregator has stored slots [from, to), but after the load of their slot. */
  late?(kind: Kind, from: number, to: number, aggregator: number): void;
}

export interface AgentOptions {
  readonly secrets: MeterSecrets;
  readonly settings: AgentSettings;
  readonly outbox: Outbox;
  readonly link: AgentLink;
  /** Fresh random bytes, for challenges only. */
  readonly randomBytes: (size: number) => Uint8Array;
  /** Milliseconds on a clock that never goes back; only differences count. */
  readonly monotonic: () => number;
  readonly events?: AgentEvents;
}
