/**
 * Letters between the utility and the aggregators: requests are sealed, signed and cut into chunks; answers are put
 * together, opened, checked against topic and schema. What does not fit is counted and dropped: requests are repeated.
 */
import { z } from "zod";
import type { Party } from "../config/keys/index.ts";
import { decodeCbor } from "../protocol/cbor.ts";
import {
  ChunkAssembler,
  CONTEXT,
  DEFAULT_CHUNK_LIMITS,
  sealLetter,
  takeSignedLetter,
  verify1,
} from "../protocol/envelope/index.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { endorsementContent, type RoundAnswer, type RoundRequest, roundAnswer } from "../protocol/messages/round.ts";
import { aggregatorId } from "../protocol/names.ts";
import { topicOf } from "../protocol/topics.ts";
import { sameBytes } from "./rounds/agree.ts";

export interface CorrespondencePorts {
  /** Real time in seconds that does not go back. */
  now(): number;
  send(topic: string, payload: Uint8Array): void;
  /** `signed` is the answer as its sender signed it. */
  answered(round: string, aggregator: number, answer: RoundAnswer, signed: Uint8Array): void;
  refuse(code: string, detail: string): void;
}

/** Many rounds go on at once, and each answer may be unfinished while others begin. */
const UNFINISHED = 512;

export class Correspondence {
  readonly #party: Party;
  readonly #ports: CorrespondencePorts;
  readonly #chunks: ChunkAssembler;

  constructor(party: Party, ports: CorrespondencePorts) {
    this.#party = party;
    this.#ports = ports;
    this.#chunks = new ChunkAssembler(() => ports.now(), { ...DEFAULT_CHUNK_LIMITS, maxMessages: UNFINISHED });
  }

  /** Sends a request. Resolves when it is handed to the link; whether it arrives shows in the answer. */
  async ask(round: string, aggregator: number, request: RoundRequest): Promise<void> {
    const topic = topicOf("roundRequest", { round, agg: String(aggregator) });
    const to = aggregatorId(aggregator);
    for (const chunk of await sealLetter(request, this.#party, to)) this.#ports.send(topic, chunk);
  }

  /** Takes one chunk of an answer from the topic of that aggregator and round. */
  async take(aggregator: number, round: string, type: string, chunk: Uint8Array): Promise<void> {
    try {
      const sender = aggregatorId(aggregator);
      const reader = { chunks: this.#chunks, party: this.#party };
      const letter = await takeSignedLetter(reader, sender, chunk, roundAnswer);
      if (letter === undefined) return;
      const { message: answer, signed } = letter;
      // The topic is only the broker's word; what counts is signed.
      if (answer.round !== round || answer.type !== type || answer.aggregator !== aggregator) {
        throw new ProtocolError("wrong-topic", `an answer of round ${answer.round} came under round ${round}`);
      }
      this.#ports.answered(round, aggregator, answer, signed);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ports.refuse(error.code, `answer of aggregator ${aggregator} in round ${round}: ${error.message}`);
    }
  }

  /** Checks that an aggregator endorsed this very set. Throws ProtocolError. */
  verifyEndorsement(endorsement: Uint8Array, aggregator: number, setId: Uint8Array): void {
    const { payload } = verify1(endorsement, this.#party.directory, CONTEXT.endorse, aggregatorId(aggregator));
    const parsed = endorsementContent.safeParse(decodeCbor(payload));
    if (!parsed.success) throw new ProtocolError("malformed", z.prettifyError(parsed.error));
    if (parsed.data.aggregator !== aggregator || !sameBytes(parsed.data.setId, setId)) {
      throw new ProtocolError("bad-signature", "the endorsement is of another set");
    }
  }
}
