/** Figures for Prometheus: requests by route and answer, streams, sessions' ends. */
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { z } from "zod";
import { STAFF } from "./access/roles.ts";
import type { ApiContext } from "./context.ts";
import type { Api } from "./contract.ts";

const SECONDS = [0.005, 0.02, 0.05, 0.1, 0.3, 1, 3];

export function addMetrics(app: Api, { live }: ApiContext): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "wattveil_api_" });
  const requests = new Histogram({
    name: "wattveil_api_request_seconds",
    help: "Time from a request to the end of its answer, by route and status.",
    labelNames: ["method", "route", "status"],
    buckets: SECONDS,
    registers: [registry],
  });
  new Gauge({
    name: "wattveil_api_streams",
    help: "Streams of events that are open.",
    registers: [registry],
    collect() {
      this.set(live.listeners);
    },
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none"; // not the address that was asked for: anyone can make those up
    requests.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
  });
  app.get(
    "/metrics",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getMetrics",
        tags: ["system"],
        summary: "Figures in the text format of Prometheus",
        response: { 200: { description: "Figures.", content: { "text/plain": { schema: z.string() } } } },
      },
    },
    async (_request, reply) => {
      void reply.header("content-type", registry.contentType);
      return await registry.metrics();
    },
  );
}
