/** What a round needs from outside: settings, a way to ask, a place to keep its state, and who decides what may enter. */
import type { RoundRequest, SetContent } from "../../protocol/messages/round.ts";
import type { BitsByKind } from "../../protocol/range/bit-entries.ts";
import type { Collected } from "../collector/collect.ts";
import type { Provable } from "./agree.ts";
import type { Detection } from "./detections.ts";
import type { AgreedCells } from "./manifests.ts";
import type { RoundRecord } from "./record.ts";
import type { SetPlan } from "./set-builder.ts";

export interface RoundSettings {
  readonly aggregators: readonly number[];
  readonly threshold: number;
  readonly quorum: number;
  readonly retrySeconds: number;
  readonly answerSeconds: number;
  /** Kinds whose readings are shared by bits. */
  readonly bits: BitsByKind;
  /** Of a round of vectors with a bound. */
  readonly provable?: Provable | undefined;
}

/** What a finished round found. `content` is absent when no cell could be released. */
export interface RoundOutcome {
  readonly content: SetContent | undefined;
  readonly collected: Collected | undefined;
  /** Who answered wrongly, finished or not. */
  readonly detections: readonly Detection[];
}

export interface RoundPorts {
  /** Real time in seconds, on any scale that does not go back: it spaces repeats. */
  now(): number;
  send(aggregator: number, request: RoundRequest): void;
  /** False for an aggregator that is known to be gone: nobody waits for it. */
  mayAnswer(aggregator: number): boolean;
  /** Durable when it returns. */
  save(record: RoundRecord): Promise<void>;
  /** Durable when it returns: results and final state in one transaction. */
  finish(record: RoundRecord, outcome: RoundOutcome): Promise<void>;
  /** Which agreed cells enter the set, by the release rules and by what was refused. */
  plan(record: RoundRecord, agreed: AgreedCells): Promise<SetPlan>;
  /** Throws CollectError for totals that cannot be what the set's meters have shared. */
  judge(content: SetContent, collected: Collected): void;
  /** Checks an endorsement's signature and content; throws what should be counted. */
  verifyEndorsement(endorsement: Uint8Array, aggregator: number, setId: Uint8Array): void;
  /** Counts an answer that was not used. */
  refuse(code: string, detail: string): void;
  /** The round began to wait, or goes on again. */
  notify(record: RoundRecord): void;
}
