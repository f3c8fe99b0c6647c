/** Feeders: their loads, slot by slot, and what the meter at the head says beside them. */
import { z } from "zod";
import { feederId } from "../../../protocol/names.ts";
import type { FeederBalancesTable } from "../../store/balance-tables.ts";
import type { FeederLoadsTable } from "../../store/tables.ts";
import { SIGNED_IN, STAFF } from "../access/roles.ts";
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
import { found } from "../problem.ts";

const wattHours = z.int().describe("Wh");

const feeder = z
  .object({
    feeder: z.string(),
    loadTo: unixSeconds.describe("Loads were asked for up to here"),
    billedTo: unixSeconds,
    lastSlot: unixSeconds.nullable().describe("The newest released slot"),
    lastEnergyWh: wattHours.nullable(),
    lastMeters: z.int().nullable(),
  })
  .meta({ id: "Feeder" });

const load = z
  .object({
    feeder: z.string(),
    slotStart: unixSeconds,
    slotSeconds: z.int(),
    energyWh: wattHours.nullable().describe("Wh of import; null where it was not released"),
    exportWh: wattHours.nullable(),
    powerW: z.number().nullable().describe("Mean import, W"),
    meters: z.int(),
    status: z.string().describe("`final`, or why there is none"),
    spareAnswers: z.int().nullable(),
    privacy: z.literal("exact").describe("No noise: outside of every privacy account"),
  })
  .meta({ id: "FeederLoad" });

const balance = z
  .object({
    feeder: z.string(),
    slotStart: unixSeconds,
    balanceWh: wattHours.nullable().describe("Wh in at the head less what flows on to the meters"),
    lossWh: z.number().nullable().describe("The technical loss by the books, Wh"),
    residualWh: z.number().nullable().describe("What neither meters nor books explain, Wh"),
    status: z.string(),
    spareAnswers: z.int().nullable(),
  })
  .meta({ id: "FeederBalance" });

type LoadRow = Omit<FeederLoadsTable, "published">;

function loadOf(row: LoadRow, slotSeconds: number): z.infer<typeof load> {
  return {
    feeder: row.feeder_id,
    slotStart: row.slot_start,
    slotSeconds,
    energyWh: row.energy_wh,
    exportWh: row.export_wh,
    powerW: row.energy_wh === null ? null : (row.energy_wh * 3_600) / slotSeconds,
    meters: row.meters,
    status: row.status,
    spareAnswers: row.spare_answers,
    privacy: "exact",
  };
}

function balanceOf(row: FeederBalancesTable): z.infer<typeof balance> {
  return {
    feeder: row.feeder_id,
    slotStart: row.slot_start,
    balanceWh: row.balance_wh,
    lossWh: row.loss_wh,
    residualWh: row.residual_wh,
    status: row.status,
    spareAnswers: row.spare_answers,
  };
}

const slots = { ...timeRange, ...paging, ...format };

/** Throws a Problem 404: an empty list would say that the feeder has no load. */
async function assertFeeder({ db }: ApiContext["utility"], feeder: string): Promise<void> {
  const row = await db.selectFrom("feeders").select("feeder_id").where("feeder_id", "=", feeder).executeTakeFirst();
  found(`feeder ${feeder}`, row);
}

export function addFeederRoutes(app: Api, { utility, config }: ApiContext): void {
  const { slotSeconds } = config.system;

  app.get(
    "/feeders",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "listFeeders",
        tags: ["feeders"],
        summary: "All feeders and how far they are",
        response: { 200: z.object({ items: z.array(feeder) }) },
      },
    },
    async () => {
      const { db } = utility;
      const rows = await db.selectFrom("feeders").selectAll().orderBy("feeder_id").execute();
      // One look at the index for each feeder, however long the history is.
      const items = await Promise.all(
        rows.map(async ({ feeder_id: id, load_to: loadTo, billed_to: billedTo }) => {
          const last = await db
            .selectFrom("feeder_loads")
            .select(["slot_start", "energy_wh", "meters"])
            .where("feeder_id", "=", id)
            .where("status", "=", "final")
            .orderBy("slot_start", "desc")
            .executeTakeFirst();
          return {
            feeder: id,
            loadTo: Math.max(0, loadTo) * slotSeconds,
            billedTo: Math.max(0, billedTo) * slotSeconds,
            lastSlot: last?.slot_start ?? null,
            lastEnergyWh: last?.energy_wh ?? null,
            lastMeters: last?.meters ?? null,
          };
        }),
      );
      return { items };
    },
  );

  app.get(
    "/feeders/:feeder/loads",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "listLoads",
        tags: ["feeders"],
        summary: "A feeder's load, slot by slot",
        params: z.object({ feeder: feederId }),
        querystring: z.object(slots),
        response: {
          200: pageAnswers(load, "A page of slots, in the order of time."),
          404: problem("There is no such feeder."),
        },
      },
    },
    async ({ params, query }, reply) => {
      let rows = utility.db.selectFrom("feeder_loads").selectAll().where("feeder_id", "=", params.feeder);
      if (query.from !== undefined) rows = rows.where("slot_start", ">=", query.from);
      if (query.to !== undefined) rows = rows.where("slot_start", "<", query.to);
      const [last] = cursorOf(query.after, z.int()) ?? [];
      if (last !== undefined) rows = rows.where("slot_start", ">", last);
      const all = await rows
        .orderBy("slot_start")
        .limit(query.limit + 1)
        .execute();
      if (all.length === 0) await assertFeeder(utility, params.feeder);
      const page = pageOf(
        all,
        query.limit,
        (row) => [row.slot_start],
        (row) => loadOf(row, slotSeconds),
      );
      return sendPage(reply, query, page);
    },
  );

  app.get(
    "/feeders/:feeder/balances",
    {
      config: { access: STAFF },
      schema: {
        operationId: "listBalances",
        tags: ["feeders"],
        summary: "What the meter at a feeder's head shows that its meters do not",
        params: z.object({ feeder: feederId }),
        querystring: z.object(slots),
        response: {
          200: pageAnswers(balance, "A page of slots, in the order of time."),
          404: problem("There is no such feeder."),
        },
      },
    },
    async ({ params, query }, reply) => {
      let rows = utility.db.selectFrom("feeder_balances").selectAll().where("feeder_id", "=", params.feeder);
      if (query.from !== undefined) rows = rows.where("slot_start", ">=", query.from);
      if (query.to !== undefined) rows = rows.where("slot_start", "<", query.to);
      const [last] = cursorOf(query.after, z.int()) ?? [];
      if (last !== undefined) rows = rows.where("slot_start", ">", last);
      const all = await rows
        .orderBy("slot_start")
        .limit(query.limit + 1)
        .execute();
      if (all.length === 0) await assertFeeder(utility, params.feeder);
      return sendPage(
        reply,
        query,
        pageOf(all, query.limit, (row) => [row.slot_start], balanceOf),
      );
    },
  );
}
