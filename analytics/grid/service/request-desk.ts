/**
 * Questions of the HTTP interface: checked, counted, answered within a time, or refused with a reason. Who may ask is the
 * broker's affair: nobody but the interface publishes on this topic.
 */
import { splitChunks } from "../../../protocol/envelope/index.ts";
import {
  ANSWER_BYTES,
  type GridAnswer,
  type GridFaultCode,
  type GridRequest,
  gridRequest,
  type GridRequestKind,
  type GridRequestOf,
  type GridResultOf,
  REQUEST_BYTES,
} from "../../../protocol/grid/index.ts";
import { GridFault } from "./fault.ts";

/** What answers each kind. What takes longer than the signal is given up. */
export type Handlers = {
  readonly [K in GridRequestKind]: (
    request: GridRequestOf<K>,
    signal: AbortSignal,
  ) => GridResultOf<K> | Promise<GridResultOf<K>>;
};

export interface DeskOptions {
  readonly handlers: Handlers;
  readonly maxRequests: number;
  readonly requestSeconds: number;
  readonly send: (request: string, payload: Uint8Array) => void;
  readonly refuse: (code: string, detail: string) => void;
  /** A fault of ours; whoever asked is told that there was one. */
  readonly failed: (error: unknown) => void;
}

export class RequestDesk {
  readonly #options: DeskOptions;
  readonly #open = new Map<string, AbortController>();
  readonly #answered: Partial<Record<GridRequestKind, number>> = {};
  readonly #refused: Partial<Record<GridFaultCode, number>> = {};

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  get counts(): { readonly requests: Record<string, number>; readonly refused: Record<string, number> } {
    return { requests: { ...this.#answered }, refused: { ...this.#refused } };
  }

  /** A repeat of a question that is being answered changes nothing. */
  take(request: string, payload: Uint8Array): void {
    if (this.#open.has(request)) return;
    if (this.#open.size >= this.#options.maxRequests) {
      this.#refuse(request, new GridFault("busy", `${this.#open.size} requests are under way: try again`));
      return;
    }
    let parsed: GridRequest;
    try {
      parsed = parsedOf(payload);
    } catch (error) {
      this.#options.refuse("malformed-request", (error as Error).message);
      this.#refuse(request, error as GridFault);
      return;
    }
    const controller = new AbortController();
    this.#open.set(request, controller);
    void this.#answer(request, parsed, controller);
  }

  /** Gives up whatever is under way. */
  stop(): void {
    for (const controller of this.#open.values()) controller.abort();
    this.#open.clear();
  }

  async #answer(request: string, parsed: GridRequest, controller: AbortController): Promise<void> {
    const { handlers, requestSeconds, failed } = this.#options;
    const { signal } = controller;
    const timeout = new GridFault("timeout", `${parsed.kind}: no answer within ${requestSeconds} s`);
    const timer = setTimeout(() => controller.abort(timeout), requestSeconds * 1_000);
    try {
      const handler = handlers[parsed.kind] as (request: GridRequest, signal: AbortSignal) => unknown;
      const result = await Promise.race([handler(parsed, signal), rejected(signal)]);
      this.#answered[parsed.kind] = (this.#answered[parsed.kind] ?? 0) + 1;
      this.#send(request, { ok: true, result });
    } catch (error) {
      if (!this.#open.has(request)) return;
      const reason: unknown = signal.aborted ? signal.reason : error;
      if (!(reason instanceof GridFault)) failed(reason);
      this.#refuse(
        request,
        reason instanceof GridFault
          ? reason
          : new GridFault("failed", `${parsed.kind}: a fault of analytics: its log says which`),
      );
    } finally {
      clearTimeout(timer);
      this.#open.delete(request);
    }
  }

  #refuse(request: string, { code, message }: GridFault): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
    this.#send(request, { ok: false, code, detail: message.slice(0, 2_000) });
  }

  #send(request: string, answer: GridAnswer): void {
    const bytes = Buffer.from(JSON.stringify(answer));
    if (bytes.length > ANSWER_BYTES) {
      this.#refuse(
        request,
        new GridFault("failed", `the answer has ${bytes.length} bytes, at most ${ANSWER_BYTES} are sent`),
      );
      return;
    }
    for (const chunk of splitChunks(bytes)) this.#options.send(request, chunk);
  }
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

function parsedOf(payload: Uint8Array): GridRequest {
  if (payload.length > REQUEST_BYTES)
    throw new GridFault("invalid", `a request of ${payload.length} bytes: at most ${REQUEST_BYTES}`);
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    throw new GridFault("invalid", "a request is JSON");
  }
  const parsed = gridRequest.safeParse(raw);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new GridFault("invalid", `${path.join(".") || "request"}: ${message}`);
}
