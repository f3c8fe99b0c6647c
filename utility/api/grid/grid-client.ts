/** Asks analytics about the grid over the broker, and keeps the newest state that it published. */
import { randomUUID } from "node:crypto";
import { ChunkAssembler } from "../../../protocol/envelope/index.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import {
  ANSWER_BYTES,
  gridAnswer,
  type GridFaultCode,
  type GridRequest,
  type GridRequestKind,
  type GridRequestOf,
  type GridResultOf,
  type GridState,
  gridState,
  type GridTopology,
  RESULTS,
  STATE_TOPIC,
} from "../../../protocol/grid/index.ts";
import { filterOf, parseTopic, topicOf } from "../../../protocol/topics.ts";
import { Problem, type ProblemStatus } from "../problem.ts";
import { FairTurns } from "./fair-turns.ts";

export interface GridClientOptions {
  /** Whether this system operates a grid at all. */
  readonly enabled: boolean;
  readonly requestSeconds: number;
  readonly maxRequests: number;
  readonly requestsPerAccount: number;
  readonly scanSeconds: number;
  /** Unix seconds of the wall clock. */
  readonly now?: () => number;
  readonly warn: (fields: object, message: string) => void;
}

type Send = (topic: string, payload: Uint8Array) => Promise<void>;

interface Waiting {
  readonly kind: GridRequestKind;
  readonly resolve: (result: unknown) => void;
  readonly reject: (problem: Problem) => void;
}

const STATUS: Readonly<Record<GridFaultCode, ProblemStatus>> = {
  busy: 503,
  timeout: 504,
  invalid: 400,
  "not-found": 404,
  unavailable: 503,
  failed: 500,
};
/** Answered from what is at hand; all others take one of analytics' threads. */
const QUICK: readonly GridRequestKind[] = ["state", "topology", "node", "history"];
/** Analytics gives up first, and says so. */
const GRACE_SECONDS = 2;
/** As analytics counts (analytics/grid/service), and one more for the way. */
const STALE_SCANS = 4;
/** Seconds before another attempt is worth it. */
const RETRY_SECONDS = 2;

export class GridClient {
  static readonly subscriptions: readonly string[] = [filterOf("gridAnswer")];
  readonly #options: GridClientOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #chunks: ChunkAssembler;
  readonly #turns: FairTurns;
  #send: Send | undefined;
  #state: GridState | undefined;
  #topology: GridTopology | undefined;

  constructor(options: GridClientOptions) {
    this.#options = options;
    this.#turns = new FairTurns(options.requestsPerAccount);
    this.#chunks = new ChunkAssembler(() => performance.now() / 1_000, {
      ...{ maxSenders: options.maxRequests, maxMessages: 1, maxBytes: ANSWER_BYTES },
      maxAgeSeconds: options.requestSeconds + GRACE_SECONDS,
    });
  }

  /** Once there is a connection. */
  connect(send: Send): void {
    this.#send = send;
  }

  /** Takes a state or an answer. The broker lets nobody but analytics publish these. */
  message(topic: string, payload: Uint8Array): void {
    const parsed = parseTopic(topic);
    if (parsed?.name === "gridAnswer") this.#answer(parsed.parameters.job!, payload);
    if (parsed?.name !== "grid" || parsed.parameters.topic !== STATE_TOPIC) return;
    const state = gridState.safeParse(parse(payload));
    if (state.success) this.#state = state.data;
    else
      this.#options.warn({ topic, issues: state.error.issues.slice(0, 3) }, "a state of the grid is not as documented");
  }

  /** The newest state; asked for where none has come yet. Throws Problems as `ask`. */
  async state(account?: string): Promise<GridState> {
    this.#assertOn();
    const state = this.#state ?? (await this.ask({ kind: "state" }, account));
    // Analytics may be gone, and cannot say so.
    const { scanSeconds, now = () => Date.now() / 1_000 } = this.#options;
    return { ...state, stale: state.stale || now() - state.publishedAt > STALE_SCANS * scanSeconds };
  }

  /** Of the newest state's grid. */
  async topology(account?: string): Promise<GridTopology> {
    const { topology: digest } = await this.state(account);
    if (this.#topology?.digest !== digest) this.#topology = await this.ask({ kind: "topology" }, account);
    return this.#topology;
  }

  /**
   * `account`: whose question it is; undefined: our own. Throws a Problem: 503 `grid-off`, `grid-away`, `grid-busy`,
   * `grid-unavailable`; 429 `grid-share`; 504 `grid-timeout`; 400; 404; 500.
   */
  async ask<K extends GridRequestKind>(request: GridRequestOf<K>, account?: string): Promise<GridResultOf<K>> {
    this.#assertOn();
    if (account === undefined) return await this.#asked(request);
    const takesLong = !QUICK.includes((request as GridRequest).kind);
    const milliseconds = this.#options.requestSeconds * 1_000;
    return await this.#turns.run(account, takesLong, milliseconds, () => this.#asked(request));
  }

  async #asked<K extends GridRequestKind>(request: GridRequestOf<K>): Promise<GridResultOf<K>> {
    const { requestSeconds, maxRequests } = this.#options;
    const retryAfter = { retryAfter: RETRY_SECONDS };
    if (this.#send === undefined)
      throw new Problem(503, "grid-away", "there is no connection to the broker yet", retryAfter);
    if (this.#waiting.size >= maxRequests) {
      const detail = `${this.#waiting.size} questions about the grid wait for an answer: try again`;
      throw new Problem(503, "grid-busy", detail, retryAfter);
    }
    const id = randomUUID();
    const { kind } = request as GridRequest;
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { kind, resolve, reject });
      timer = setTimeout(
        () => reject(new Problem(504, "grid-timeout", `${kind}: analytics did not answer in ${requestSeconds} s`)),
        (requestSeconds + GRACE_SECONDS) * 1_000,
      );
    });
    const sent = this.#send(topicOf("gridRequest", { job: id }), Buffer.from(JSON.stringify(request))).catch(() => {
      throw new Problem(503, "grid-away", "there is no connection to the broker: try again");
    });
    try {
      return (await Promise.race([answer, sent.then(() => answer)])) as GridResultOf<K>;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  #assertOn(): void {
    if (!this.#options.enabled) {
      throw new Problem(503, "grid-off", "this system operates no grid: grid.enabled is false");
    }
  }

  #answer(id: string, payload: Uint8Array): void {
    const waiting = this.#waiting.get(id);
    // Whoever asked has given up, or is another process with this identity.
    if (waiting === undefined) return;
    const refuse = (detail: string): void => {
      this.#options.warn(
        { request: id, kind: waiting.kind },
        `an answer about the grid is not as documented: ${detail}`,
      );
      waiting.reject(new Problem(500, "grid-failed", "analytics gave an answer that is not as documented"));
    };
    try {
      const whole = this.#chunks.add(id, payload);
      if (whole === undefined) return;
      const parsed = gridAnswer.safeParse(parse(whole));
      if (!parsed.success) refuse(parsed.error.issues[0]!.message);
      else if (parsed.data.ok) {
        const result = RESULTS[waiting.kind].safeParse(parsed.data.result);
        if (result.success) waiting.resolve(result.data);
        else refuse(`${result.error.issues[0]!.path.join(".")}: ${result.error.issues[0]!.message}`);
      } else waiting.reject(problemOf(parsed.data.code, parsed.data.detail));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(error.message);
    }
  }
}

function problemOf(code: GridFaultCode, detail: string): Problem {
  return new Problem(STATUS[code], code === "not-found" ? code : `grid-${code}`, detail);
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
