/** What was opened of ciphertexts, and what homes learned together. */
import { z } from "zod";
import type { ModelRoundsTable } from "../../store/learning-tables.ts";
import type { HeResultsTable } from "../../store/opened-tables.ts";
import { jobId } from "../../../protocol/names.ts";
import { SIGNED_IN } from "../access/roles.ts";
import type { ApiContext } from "../context.ts";
import {
  type Api,
  cursorOf,
  format,
  pageAnswers,
  pageOf,
  paging,
  sendPage,
  timeRange,
  unixSeconds,
} from "../contract.ts";
import { behind } from "../keyset.ts";
import { found } from "../problem.ts";

const result = z
  .object({
    job: z.string(),
    circuit: z.string(),
    feeders: z.array(z.string()),
    series: z.array(z.string()),
    windowStart: unixSeconds,
    windowEnd: unixSeconds,
    slots: z.int(),
    meters: z.int().describe("Meters with a ciphertext in the job"),
    unit: z.string(),
    errorBound: z.number().nullable().describe("Largest error that the analysis allows for, in `unit`"),
    openedBy: z.array(z.int()).describe("Aggregators that opened it together"),
    status: z.string().describe("`final`, or why nothing came out"),
    reason: z.string(),
    openedAt: unixSeconds,
  })
  .meta({ id: "AnalyticsResult" });

const value = z.object({
  name: z.string(),
  position: z.int(),
  slotStart: unixSeconds.nullable(),
  value: z.number(),
  unit: z.string(),
  errorBound: z.number().nullable(),
});

const check = z
  .object({
    job: z.string(),
    feeders: z.array(z.string()),
    windowStart: unixSeconds,
    windowEnd: unixSeconds,
    slotsCompared: z.int(),
    slotsDiffering: z.int(),
    agree: z.boolean().nullable().describe("null while no load is released"),
    largestDifference: z.number().nullable(),
    bound: z.number().nullable(),
    unit: z.string(),
    status: z.string().describe("`agree`, `waiting`, or which path is wrong"),
    reason: z.string(),
  })
  .meta({ id: "CrossCheck" });

const modelRound = z
  .object({
    round: z.string(),
    campaign: z.string(),
    step: z.int(),
    task: z.string().describe("`train`, `histogram` or `load`"),
    closesAt: unixSeconds,
    minMeters: z.int(),
    status: z.string().describe("`announced`, `asked`, `final`, or why there is no sum"),
    reason: z.string(),
    meters: z.int().nullable().describe("Homes in the sum"),
    spareAnswers: z.int().nullable(),
    settledAt: unixSeconds.nullable(),
  })
  .meta({ id: "ModelRound" });

const listOf = (text: string): string[] => (text === "" ? [] : text.split(","));

const RESULT_COLUMNS = [
  ...(["job", "circuit", "feeders", "series", "window_start", "window_end", "slots", "meters", "unit"] as const),
  ...(["error_bound", "opened_by", "status", "reason", "opened_at"] as const),
] as const;

function resultOf(row: Pick<HeResultsTable, (typeof RESULT_COLUMNS)[number]>): z.infer<typeof result> {
  return {
    job: row.job,
    circuit: row.circuit,
    feeders: listOf(row.feeders),
    series: listOf(row.series),
    windowStart: row.window_start,
    windowEnd: row.window_end,
    slots: row.slots,
    meters: row.meters,
    unit: row.unit,
    errorBound: row.error_bound,
    openedBy: listOf(row.opened_by).map(Number),
    status: row.status,
    reason: row.reason,
    openedAt: row.opened_at,
  };
}

const MODEL_COLUMNS = [
  ...(["round", "campaign", "step", "task", "closes_at", "min_meters", "status", "reason", "meters"] as const),
  ...(["spare_answers", "settled_at"] as const),
] as const;

function modelRoundOf(row: Pick<ModelRoundsTable, (typeof MODEL_COLUMNS)[number]>): z.infer<typeof modelRound> {
  return {
    round: row.round,
    campaign: row.campaign,
    step: row.step,
    task: row.task,
    closesAt: row.closes_at,
    minMeters: row.min_meters,
    status: row.status,
    reason: row.reason,
    meters: row.meters,
    spareAnswers: row.spare_answers,
    settledAt: row.settled_at,
  };
}

export function addOpenedRoutes(app: Api, { utility }: ApiContext): void {
  app.get(
    "/analytics/results",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "listResults",
        tags: ["analytics"],
        summary: "What was computed on ciphertexts and opened, newest window first",
        querystring: z.object({
          circuit: z.string().max(64).optional(),
          feeder: z.string().max(64).optional(),
          ...timeRange,
          ...paging,
          ...format,
        }),
        response: { 200: pageAnswers(result, "A page of results.") },
      },
    },
    async ({ query }, reply) => {
      let rows = utility.db.selectFrom("current_he_results").select(RESULT_COLUMNS);
      if (query.circuit !== undefined) rows = rows.where("circuit", "=", query.circuit);
      if (query.feeder !== undefined) rows = rows.where("feeders", "=", query.feeder);
      if (query.from !== undefined) rows = rows.where("window_start", ">=", query.from);
      if (query.to !== undefined) rows = rows.where("window_start", "<", query.to);
      const cursor = cursorOf(query.after, z.int(), z.string());
      if (cursor !== undefined) {
        const [start, job] = cursor;
        rows = rows.where((eb) =>
          behind(eb, [
            ["window_start", "<", start],
            ["job", ">", job],
          ]),
        );
      }
      const all = await rows
        .orderBy("window_start", "desc")
        .orderBy("job")
        .limit(query.limit + 1)
        .execute();
      return sendPage(
        reply,
        query,
        pageOf(all, query.limit, (row) => [row.window_start, row.job], resultOf),
      );
    },
  );

  app.get(
    "/analytics/results/:job",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "getResult",
        tags: ["analytics"],
        summary: "A result with its numbers, and whether the loads from shares agree with it",
        params: z.object({ job: jobId }),
        response: { 200: result.extend({ values: z.array(value), checks: z.array(check) }) },
      },
    },
    async ({ params: { job } }) => {
      const { db } = utility;
      const row = await db.selectFrom("he_results").select(RESULT_COLUMNS).where("job", "=", job).executeTakeFirst();
      const head = resultOf(found(`result of job ${job}`, row));
      const values = await db
        .selectFrom("he_values")
        .selectAll()
        .where("job", "=", job)
        .orderBy("name")
        .orderBy("position")
        .execute();
      const checks = await db.selectFrom("he_checks").selectAll().where("job", "=", job).execute();
      return {
        ...head,
        values: values.map((one) => ({
          name: one.name,
          position: one.position,
          slotStart: one.slot_start,
          value: one.value,
          unit: one.unit,
          errorBound: one.error_bound,
        })),
        checks: checks.map((one) => ({
          job: one.job,
          feeders: listOf(one.feeders),
          windowStart: one.window_start,
          windowEnd: one.window_end,
          slotsCompared: one.slots_compared,
          slotsDiffering: one.slots_differing,
          agree: one.agree === null ? null : one.agree !== 0,
          largestDifference: one.largest_difference,
          bound: one.bound,
          unit: one.unit,
          status: one.status,
          reason: one.reason,
        })),
      };
    },
  );

  app.get(
    "/learning/rounds",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "listModelRounds",
        tags: ["learning"],
        summary: "Learning rounds and noised releases, newest first",
        querystring: z.object({ campaign: z.string().max(64).optional(), ...paging, ...format }),
        response: { 200: pageAnswers(modelRound, "A page of rounds.") },
      },
    },
    async ({ query }, reply) => {
      let rows = utility.db.selectFrom("model_rounds").select(MODEL_COLUMNS);
      if (query.campaign !== undefined) rows = rows.where("campaign", "=", query.campaign);
      const cursor = cursorOf(query.after, z.number(), z.string());
      if (cursor !== undefined) {
        const [at, id] = cursor;
        rows = rows.where((eb) =>
          behind(eb, [
            ["closes_at", "<", at],
            ["round", ">", id],
          ]),
        );
      }
      const all = await rows
        .orderBy("closes_at", "desc")
        .orderBy("round")
        .limit(query.limit + 1)
        .execute();
      return sendPage(
        reply,
        query,
        pageOf(all, query.limit, (row) => [row.closes_at, row.round], modelRoundOf),
      );
    },
  );
}
