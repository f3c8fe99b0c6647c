/** A subscriber that only counts: the raw rate's end of the line. It has an aggregator's identity and filter. */
import { readFileSync } from "node:fs";
import { loadConfig } from "../../config/index.ts";
import { connectLink } from "../../config/runtime/link.ts";
import { announceReady } from "../../config/runtime/role-report.ts";
import { filterOf } from "../../protocol/topics.ts";
import type { CountResult } from "./meters-plan.ts";

interface SubscriberPlan {
  readonly configFile: string;
  readonly index: number;
  readonly tls: { readonly key: string; readonly cert: string; readonly ca: string };
}

const plan = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as SubscriberPlan;
const config = loadConfig({ file: plan.configFile, env: {} });
let count = 0;
let lastAt = 0;
let expected = Number.POSITIVE_INFINITY;

function report(): void {
  const answer: CountResult = { type: "count", count, lastAt };
  count = 0;
  expected = Number.POSITIVE_INFINITY;
  process.send?.(answer);
}

const link = await connectLink({
  party: { id: `a-${plan.index}`, tls: plan.tls },
  host: config.broker.host,
  port: config.broker.tlsPort,
  subscriptions: [filterOf("share", { agg: String(plan.index) })],
  onMessage: () => {
    count++;
    if (count < expected) return;
    lastAt = Date.now();
    report();
  },
  settings: config.link,
  log: { info: () => undefined, warn: () => undefined },
});
process.on("message", (command: { readonly expect: number }) => {
  expected = command.expect;
  if (count < expected) return;
  lastAt = Date.now();
  report();
});
process.once("SIGTERM", () => void link.close().then(() => process.exit(0)));
announceReady();
