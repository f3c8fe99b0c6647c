/**
 * Figures, health and readiness of one role over HTTP, for Prometheus and for whoever starts processes. Nothing there
 * is secret, and nothing of a meter is there: counts, bytes and durations of this process.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Config } from "../schema.ts";
import { type HttpListener, listenOn } from "./http-listener.ts";
import type { Observation } from "./observation.ts";
import { UsageError } from "./role.ts";

export interface MetricsOptions {
  /** Who the figures are of: `a-2`. */
  readonly party: string;
  readonly observation: Observation;
  /** Config `metrics`. */
  readonly settings: Config["metrics"];
  /** Added to `metrics.basePort`, unless that is 0. */
  readonly offset: number;
}

const REQUEST_MILLISECONDS = 10_000;
const MAX_CONNECTIONS = 32;
const TEXT = "text/plain; charset=utf-8";
const NOT_ALLOWED: Answer = { status: 405, body: "expected GET\n" };

/** Listens on `metrics.listen`. Throws UsageError where the port cannot be had. */
export async function startMetrics(options: MetricsOptions): Promise<HttpListener> {
  const { settings, offset, observation } = options;
  const registry = registryOf(options);
  const server = createServer({ requestTimeout: REQUEST_MILLISECONDS, headersTimeout: REQUEST_MILLISECONDS });
  server.on("request", (request, response) => void answer(request, response, registry, observation));
  server.maxConnections = MAX_CONNECTIONS;
  const port = settings.basePort === 0 ? 0 : settings.basePort + offset;
  try {
    const listener = await listenOn(server, port, settings.listen);
    server.unref(); // watching a role does not keep it running
    return listener;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const why = `${settings.listen}:${port} cannot be listened on (${code})`;
    throw new UsageError(`metrics.basePort: ${why}; each process needs a port of its own (docs/metrics.md)`);
  }
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body: string;
}

async function answer(
  { method, url }: IncomingMessage,
  response: ServerResponse,
  registry: Registry,
  observation: Observation,
): Promise<void> {
  const reads = method === "GET" || method === "HEAD";
  const path = url?.split("?")[0];
  const { status, type, body } = reads ? await shown(path, registry, observation) : NOT_ALLOWED;
  response.writeHead(status, { "content-type": type ?? TEXT, "cache-control": "no-store" });
  response.end(method === "HEAD" ? undefined : body);
}

async function shown(path: string | undefined, registry: Registry, { obstacles }: Observation): Promise<Answer> {
  switch (path) {
    case "/metrics":
      return { status: 200, type: registry.contentType, body: await registry.metrics() };
    case "/live":
      return { status: 200, body: "alive\n" };
    case "/ready":
      if (obstacles.length === 0) return { status: 200, body: "ready\n" };
      return { status: 503, body: `not ready: ${obstacles.join("; ")}\n` };
    default:
      return { status: 404, body: "expected /metrics, /live or /ready\n" };
  }
}

function registryOf({ party, observation }: MetricsOptions): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ party });
  collectDefaultMetrics({ register: registry, prefix: "wattveil_" });
  const gauge = (name: string, help: string, labelNames: string[], set: (gauge: Gauge) => void): void => {
    new Gauge({
      ...{ name, help, labelNames, registers: [registry] },
      collect() {
        this.reset();
        set(this);
      },
    });
  };
  gauge("wattveil_ready", "1 when the role accepts work, else 0.", [], (ready) => {
    ready.set(observation.obstacles.length === 0 ? 1 : 0);
  });
  gauge("wattveil_links", "Connections to the broker, by whether they stand.", ["state"], (links) => {
    const up = observation.links.filter(({ connected }) => connected).length;
    links.set({ state: "up" }, up);
    links.set({ state: "down" }, observation.links.length - up);
  });
  gauge("wattveil_figure", "Figures of the role by name; most count from its start.", ["role", "name"], (figures) => {
    const { stats } = observation;
    for (const [name, value] of Object.entries(stats?.counters ?? {})) figures.set({ role: stats!.role, name }, value);
  });
  gauge("wattveil_refused", "What the role refused since it started, by reason.", ["role", "code"], (refused) => {
    const { stats } = observation;
    for (const [code, count] of Object.entries(stats?.refused ?? {})) refused.set({ role: stats!.role, code }, count);
  });
  return registry;
}
