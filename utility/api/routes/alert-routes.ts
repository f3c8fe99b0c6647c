/** Alerts: what is wrong, who has seen to it, and by which rules. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { noteDone } from "../access/audit-note.ts";
import { OPERATE, STAFF } from "../access/roles.ts";
import { AlertStateError } from "../alerts/index.ts";
import { type Alert, CHANGES, STATES } from "../alerts/alert-store.ts";
import { ruleName, type ReadyRule, severitySchema } from "../alerts/rule.ts";
import { SIGNAL_NAMES, SIGNALS } from "../alerts/signals.ts";
import type { ApiContext } from "../context.ts";
import {
  type Api,
  cursorOf,
  format,
  pageAnswers,
  pageOf,
  paging,
  problem,
  sendPage,
  timeRange,
  unixSeconds,
} from "../contract.ts";
import { found, Problem } from "../problem.ts";

const stateSchema = z.enum(STATES).meta({ id: "AlertState" });
const signalSchema = z.enum(SIGNAL_NAMES).meta({ id: "AlertSignal" });
const measured = z.number().describe("Unix seconds of what is measured; simulated time in a simulation");

const alert = z
  .object({
    id: z.uuid(),
    rule: z.string(),
    severity: severitySchema,
    signal: signalSchema,
    element: z.string().describe("`branch:12`, `bus:5`, `feeder:f-1`, `sensor:current:12`, `grid`"),
    state: stateSchema,
    text: z.string(),
    value: z.number(),
    worst: z.number().describe("Furthest beyond the limit"),
    unit: z.string(),
    above: z.number().nullable().describe("Its rule's limit; null where it has the other, or the rule is gone"),
    below: z.number().nullable(),
    public: z.boolean().describe("Anyone is told on `wv/1/pub/alert/<rule>`"),
    since: measured,
    until: measured.nullable().describe("When it was back; null while it lasts"),
    beganAt: unixSeconds,
    firedAt: unixSeconds.nullable(),
    acknowledgedAt: unixSeconds.nullable(),
    acknowledgedBy: z.string().nullable(),
    silencedUntil: unixSeconds.nullable(),
    silencedBy: z.string().nullable(),
    resolvedAt: unixSeconds.nullable(),
  })
  .meta({ id: "Alert" });

const change = z
  .object({ at: unixSeconds, change: z.enum(CHANGES), account: z.string().nullable(), comment: z.string() })
  .meta({ id: "AlertChange" });
const alertWithHistory = alert.extend({ history: z.array(change) }).meta({ id: "AlertWithHistory" });

const rule = z
  .object({
    name: z.string(),
    severity: severitySchema,
    signal: signalSchema,
    unit: z.string(),
    about: z.string(),
    above: z.number().nullable(),
    below: z.number().nullable(),
    clear: z.number().nullable().describe("Where it is over; null: at the limit"),
    forSeconds: z.number(),
    elements: z.array(z.string()),
    text: z.string(),
    public: z.boolean(),
  })
  .meta({ id: "AlertRuleInForce" });

const comment = z.string().max(1_000).default("");
const id = z.object({ id: z.uuid() });
const LONGEST_SILENCE = 2_592_000;

type Limits = Pick<ReadyRule, "name" | "above" | "below">;

function alertOf(rules: readonly Limits[]): (row: Alert) => z.infer<typeof alert> {
  const byName = new Map(rules.map((one) => [one.name, one]));
  return ({ notified: _, worstText: __, ...row }) => {
    const { above, below } = byName.get(row.rule) ?? {};
    return { ...row, above: above ?? null, below: below ?? null };
  };
}

function ruleOf({ name, severity, signal, above, below, clear, elements, text, isPublic, ...rest }: ReadyRule) {
  const { unit, about } = SIGNALS[signal];
  return {
    ...{ name, severity, signal, unit, about, elements, text },
    ...{ above: above ?? null, below: below ?? null, clear: clear ?? null, forSeconds: rest.for, public: isPublic },
  };
}

export function addAlertRoutes(app: Api, context: ApiContext): void {
  const { alerts, now } = context;
  const shownAlert = alertOf(alerts.rules);
  app.get(
    "/alerts",
    {
      config: { access: STAFF },
      schema: {
        operationId: "listAlerts",
        tags: ["alerts"],
        summary: "Alerts, newest first",
        querystring: z.object({
          state: z
            .enum([...STATES, "open"])
            .optional()
            .describe("`open`: firing, acknowledged or silenced"),
          severity: severitySchema.optional(),
          rule: ruleName.optional(),
          ...timeRange,
          ...paging,
          ...format,
        }),
        response: { 200: pageAnswers(alert, "A page of alerts.") },
      },
    },
    async ({ query }, reply) => {
      const { limit, state, severity, rule: name, from, to } = query;
      const after = cursorOf(query.after, z.int(), z.string());
      const filter = { state, severity, rule: name, from, to, after, limit: limit + 1 };
      const rows = alerts.store.list(filter, Math.floor(now()));
      return sendPage(
        reply,
        query,
        pageOf(rows, limit, (row) => [row.beganAt, row.id], shownAlert),
      );
    },
  );

  app.get(
    "/alerts/rules",
    {
      config: { access: STAFF },
      schema: {
        operationId: "listAlertRules",
        tags: ["alerts"],
        summary: "The rules in force",
        response: { 200: z.object({ items: z.array(rule) }) },
      },
    },
    async () => ({ items: alerts.rules.map(ruleOf) }),
  );

  const shown = (one: Alert | undefined): z.infer<typeof alertWithHistory> => {
    const row = found("such alert", one);
    return { ...shownAlert(row), history: alerts.store.history(row.id) };
  };

  app.get(
    "/alerts/:id",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getAlert",
        tags: ["alerts"],
        summary: "An alert, and what was done with it",
        params: id,
        response: { 200: alertWithHistory },
      },
    },
    async ({ params }) => shown(alerts.find(params.id)),
  );

  /** Does it, and writes down in the audit that it was done. */
  const acting = (request: FastifyRequest, action: string, work: (account: string) => Alert | undefined) => {
    const account = request.account!.name;
    let done: Alert | undefined;
    try {
      done = work(account);
    } catch (error) {
      if (error instanceof AlertStateError) throw new Problem(409, "alert-state", `the alert: ${error.message}`);
      throw error;
    }
    const answer = shown(done);
    noteDone(context, request, action, `${answer.rule} ${answer.element}`);
    return answer;
  };
  const answers = { 200: alertWithHistory, 409: problem("It is not in a state for that.") };

  app.post(
    "/alerts/:id/acknowledge",
    {
      config: { access: OPERATE },
      schema: {
        operationId: "acknowledgeAlert",
        tags: ["alerts"],
        summary: "Say that somebody sees to it",
        params: id,
        body: z.object({ comment }),
        response: answers,
      },
    },
    async (request) =>
      acting(request, "acknowledge-alert", (account) =>
        alerts.acknowledge(request.params.id, { account, comment: request.body.comment }),
      ),
  );

  app.post(
    "/alerts/:id/silence",
    {
      config: { access: OPERATE },
      schema: {
        operationId: "silenceAlert",
        tags: ["alerts"],
        summary: "Tell nobody for some time, not even when the same fires again",
        params: id,
        body: z.object({ seconds: z.int().min(1).max(LONGEST_SILENCE), comment }),
        response: answers,
      },
    },
    async (request) => {
      const { seconds, comment: why } = request.body;
      return acting(request, "silence-alert", (account) =>
        alerts.silence(request.params.id, seconds, { account, comment: why }),
      );
    },
  );

  app.delete(
    "/alerts/:id/silence",
    {
      config: { access: OPERATE },
      schema: {
        operationId: "unsilenceAlert",
        tags: ["alerts"],
        summary: "End a silence before its time",
        params: id,
        response: answers,
      },
    },
    async (request) =>
      acting(request, "unsilence-alert", (account) => alerts.unsilence(request.params.id, { account, comment: "" })),
  );
}
