/**
 * Posts changes of alerts to one address from the configuration, in their order, signed where there is a secret. A receiver that
 * fails is tried again with growing waits; meanwhile a bounded number of changes waits.
 */
import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import pRetry, { AbortError } from "p-retry";
import type { Config } from "../../../config/index.ts";
import { ExplainedError } from "../../../config/faults.ts";
import type { AlertChange } from "./engine.ts";

export interface WebhookLog {
  readonly warn: (fields: object, message: string) => void;
}

type Settings = Pick<Config["alerts"], "webhookSeconds" | "webhookRetries" | "webhookRetrySeconds" | "webhookQueue">;

export interface WebhookOptions {
  readonly url: string;
  /** Key of the signature; undefined: none. */
  readonly secret: string | undefined;
  readonly settings: Settings;
  /** Unix seconds of the wall clock. */
  readonly now: () => number;
  readonly log: WebhookLog;
}

export const WEBHOOK_HEADERS = {
  delivery: "x-wattveil-delivery",
  time: "x-wattveil-time",
  signature: "x-wattveil-signature",
} as const;

const LONGEST_WAIT_MILLISECONDS = 300_000;
const LEAST_SECRET = 16;

/** The secret stands in a file of its own, so that a configuration can be shown. */
export function readSecret(file: string): string {
  let secret: string;
  try {
    secret = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new WebhookError(`${file} cannot be read (${String((error as NodeJS.ErrnoException).code)})`);
  }
  if (secret.length < LEAST_SECRET) throw new WebhookError(`${file}: a secret has at least ${LEAST_SECRET} characters`);
  return secret;
}

class WebhookError extends ExplainedError {
  override readonly exitCode = 2;

  constructor(message: string) {
    super(`alerts.webhooks: ${message}`);
    this.name = "WebhookError";
  }
}

/** Hex of HMAC-SHA-256 over the time, a full stop and the body: a receiver that checks the time, too, refuses what is replayed. */
function signatureOf(secret: string, time: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`;
}

interface Delivery {
  readonly id: string;
  readonly body: string;
}

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #waiting: Delivery[] = [];
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #dropped = 0;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  push({ change, alert }: AlertChange): void {
    if (this.#stop.signal.aborted) return;
    this.#waiting.push({ id: randomUUID(), body: JSON.stringify({ change, alert }) });
    if (this.#waiting.length > this.#options.settings.webhookQueue) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Gives up what waits: the changes are in the database. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#waiting.length = 0;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { url, settings, log } = this.#options;
    const host = new URL(url).host; // the rest of an address may be a secret
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const delivery = next;
      try {
        await pRetry(() => this.#post(delivery), {
          retries: settings.webhookRetries,
          minTimeout: settings.webhookRetrySeconds * 1_000,
          maxTimeout: Math.max(LONGEST_WAIT_MILLISECONDS, settings.webhookRetrySeconds * 1_000),
          signal: this.#stop.signal,
        });
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        log.warn({ host, reason: reasonOf(error) }, "a webhook was not delivered");
      }
      if (this.#dropped > 0)
        log.warn({ host, dropped: this.#dropped }, "changes of alerts were dropped: the webhook is too slow");
      this.#dropped = 0;
    }
  }

  async #post({ id, body }: Delivery): Promise<void> {
    const { url, secret, settings, now } = this.#options;
    const time = String(Math.floor(now()));
    const { delivery: deliveryName, time: timeName, signature } = WEBHOOK_HEADERS;
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "wattveil",
        [deliveryName]: id,
        [timeName]: time,
        ...(secret === undefined ? {} : { [signature]: signatureOf(secret, time, body) }),
      },
      body,
      // Where it goes stands in the configuration, and nowhere else.
      redirect: "manual",
      signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(settings.webhookSeconds * 1_000)]),
    });
    await answer.body?.cancel();
    if (answer.ok) return;
    const fault = new Error(`it answered ${answer.status}`);
    const again = answer.status >= 500 || answer.status === 408 || answer.status === 429;
    throw again ? fault : new AbortError(fault);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
