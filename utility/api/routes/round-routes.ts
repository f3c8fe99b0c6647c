/** Rounds: what was asked of the aggregators, how it ended, and which of them answered wrongly. */
import { z } from "zod";
import type { DetectionsTable, RoundsTable } from "../../store/tables.ts";
import { roundId } from "../../../protocol/names.ts";
import { STAFF } from "../access/roles.ts";
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

const round = z
  .object({
    id: z.string(),
    purpose: z.string().describe("`load`, `bill`, `balance` or `vector`"),
    feeder: z.string(),
    from: unixSeconds.describe("What the round is about begins here"),
    to: unixSeconds,
    state: z.string(),
    status: z.string().describe("`open`, `waiting`, `final`, or the code of why it failed"),
    reason: z.string(),
    sets: z.int().describe("Sets that were proposed"),
    openedAt: unixSeconds,
    untestedMeters: z.int().nullable(),
    provedMeters: z.int().nullable(),
    unprovedMeters: z.int().nullable(),
  })
  .meta({ id: "Round" });

const detection = z
  .object({
    round: z.string(),
    aggregator: z.int(),
    code: z.string(),
    verdict: z.enum(["liar", "disputed"]),
    detail: z.string(),
    detectedAt: unixSeconds,
  })
  .meta({ id: "Detection" });

const COLUMNS = [
  ...(["id", "purpose", "feeder_id", "range_start", "range_end", "state", "status", "reason", "sets"] as const),
  ...(["opened_at", "untested_meters", "proved_meters", "unproved_meters"] as const),
] as const;
type RoundRow = Pick<RoundsTable, (typeof COLUMNS)[number]>;

function roundOf(row: RoundRow): z.infer<typeof round> {
  return {
    id: row.id,
    purpose: row.purpose,
    feeder: row.feeder_id,
    from: row.range_start,
    to: row.range_end,
    state: row.state,
    status: row.status,
    reason: row.reason,
    sets: row.sets,
    openedAt: row.opened_at,
    untestedMeters: row.untested_meters,
    provedMeters: row.proved_meters,
    unprovedMeters: row.unproved_meters,
  };
}

type DetectionRow = Omit<DetectionsTable, "answers">;

function detectionOf(row: DetectionRow): z.infer<typeof detection> {
  return {
    round: row.round_id,
    aggregator: row.aggregator,
    code: row.code,
    verdict: row.verdict === "liar" ? "liar" : "disputed",
    detail: row.detail,
    detectedAt: row.detected_at,
  };
}

const DETECTION_COLUMNS = ["round_id", "aggregator", "code", "verdict", "detail", "detected_at"] as const;

export function addRoundRoutes(app: Api, { utility }: ApiContext): void {
  app.get(
    "/rounds",
    {
      config: { access: STAFF },
      schema: {
        operationId: "listRounds",
        tags: ["rounds"],
        summary: "Rounds, newest first",
        querystring: z.object({
          purpose: z.string().max(64).optional(),
          feeder: z.string().max(64).optional(),
          status: z.string().max(64).optional(),
          ...timeRange,
          ...paging,
          ...format,
        }),
        response: { 200: pageAnswers(round, "A page of rounds.") },
      },
    },
    async ({ query }, reply) => {
      let rows = utility.db.selectFrom("rounds").select(COLUMNS);
      if (query.purpose !== undefined) rows = rows.where("purpose", "=", query.purpose);
      if (query.feeder !== undefined) rows = rows.where("feeder_id", "=", query.feeder);
      if (query.status !== undefined) rows = rows.where("status", "=", query.status);
      if (query.from !== undefined) rows = rows.where("opened_at", ">=", query.from);
      if (query.to !== undefined) rows = rows.where("opened_at", "<", query.to);
      const cursor = cursorOf(query.after, z.number(), z.string());
      if (cursor !== undefined) {
        const [at, id] = cursor;
        rows = rows.where((eb) =>
          behind(eb, [
            ["opened_at", "<", at],
            ["id", ">", id],
          ]),
        );
      }
      const all = await rows
        .orderBy("opened_at", "desc")
        .orderBy("id")
        .limit(query.limit + 1)
        .execute();
      return sendPage(
        reply,
        query,
        pageOf(all, query.limit, (row) => [row.opened_at, row.id], roundOf),
      );
    },
  );

  app.get(
    "/rounds/:id",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getRound",
        tags: ["rounds"],
        summary: "A round, and who answered wrongly in it",
        params: z.object({ id: roundId }),
        response: { 200: round.extend({ detections: z.array(detection) }) },
      },
    },
    async ({ params: { id } }) => {
      const { db } = utility;
      const row = await db.selectFrom("rounds").select(COLUMNS).where("id", "=", id).executeTakeFirst();
      const detections = await db
        .selectFrom("detections")
        .select(DETECTION_COLUMNS)
        .where("round_id", "=", id)
        .orderBy("aggregator")
        .execute();
      return { ...roundOf(found(`round ${id}`, row)), detections: detections.map(detectionOf) };
    },
  );

  app.get(
    "/detections",
    {
      config: { access: STAFF },
      schema: {
        operationId: "listDetections",
        tags: ["rounds"],
        summary: "Wrong answers of aggregators, newest first",
        querystring: z.object({ ...paging, ...format }),
        response: { 200: pageAnswers(detection, "A page of detections.") },
      },
    },
    async ({ query }, reply) => {
      let rows = utility.db.selectFrom("detections").select(DETECTION_COLUMNS);
      const cursor = cursorOf(query.after, z.number(), z.string(), z.int(), z.string());
      if (cursor !== undefined) {
        const [at, id, aggregator, code] = cursor;
        rows = rows.where((eb) =>
          behind(eb, [
            ["detected_at", "<", at],
            ["round_id", ">", id],
            ["aggregator", ">", aggregator],
            ["code", ">", code],
          ]),
        );
      }
      const all = await rows
        .orderBy("detected_at", "desc")
        .orderBy("round_id")
        .orderBy("aggregator")
        .orderBy("code")
        .limit(query.limit + 1)
        .execute();
      const page = pageOf(
        all,
        query.limit,
        (row) => [row.detected_at, row.round_id, row.aggregator, row.code],
        detectionOf,
      );
      return sendPage(reply, query, page);
    },
  );
}
