/**
 * A home that a test plays in learning rounds, with that home's folder of keys and its own TLS connection: it splits and
 * seals a vector, and sends each aggregator its shares until they are acknowledged.
 */
import { type MeterSecrets, openMeterSecrets } from "../../config/keys/index.ts";
import type { Link } from "../../config/runtime/link.ts";
import { createAckOpener } from "../../protocol/envelope/ack.ts";
import { createUpdateSealer } from "../../protocol/envelope/update.ts";
import { packLanes, type RoundContent, roundOf } from "../../protocol/learning/index.ts";
import { UPDATE_CODES } from "../../protocol/messages/ack-codes.ts";
import { splitVector } from "../../protocol/shamir/split-vector.ts";
import { filterOf, parseTopic, topicOf } from "../../protocol/topics.ts";
import type { Stage } from "./stage.ts";
import { again } from "./wire-meter.ts";

export class WireHome {
  readonly id: string;
  readonly #stage: Stage;
  readonly #secrets: MeterSecrets;
  readonly #waiting = new Map<string, () => void>();
  #link!: Link;

  private constructor(stage: Stage, id: string) {
    this.#stage = stage;
    this.id = id;
    this.#secrets = openMeterSecrets(stage.keys(id));
  }

  static async open(stage: Stage, id: string): Promise<WireHome> {
    const home = new WireHome(stage, id);
    const filters = [filterOf("ack", { meter: id })];
    home.#link = await stage.connect(stage.party(id), filters, (topic, payload) => home.#onAck(topic, payload));
    return home;
  }

  #onAck(topic: string, payload: Uint8Array): void {
    const agg = Number(parseTopic(topic)?.parameters.agg);
    const { updates = [] } = createAckOpener(this.#secrets.rootKeys.get(agg)!, this.id, agg).open(payload).ack;
    for (const { round, code } of updates) if (code <= UPDATE_CODES.duplicate) this.#waiting.get(`${round} ${agg}`)?.();
  }

  /** Resolves when these aggregators, by default all, have stored its shares of the vector; returns the bytes of all. */
  async takePart(content: RoundContent, values: ArrayLike<number>, to = this.#stage.aggregators): Promise<number> {
    const { aggregators: n, threshold: t } = this.#stage.config.system;
    const round = roundOf(content);
    const elements = packLanes(values, content.vector);
    const { tag, shares } = splitVector({ key: this.#secrets.polynomialKey, round, elements, n, t });
    const sent = await Promise.all(
      to.map(async (agg) => {
        const sealer = createUpdateSealer(this.#secrets.rootKeys.get(agg)!, this.id, agg);
        const payload = sealer.seal(round, { tag, elements: elements.length, share: shares[agg - 1]! });
        const topic = topicOf("update", { meter: this.id, round, agg: String(agg) });
        const stored = new Promise<void>((resolve) => this.#waiting.set(`${round} ${agg}`, resolve));
        await again(stored, () => this.#link.publish(topic, payload));
        return payload.length;
      }),
    );
    return sent.reduce((sum, bytes) => sum + bytes, 0);
  }
}
