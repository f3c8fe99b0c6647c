/** Bills: a customer's own, or all of them for who checks; receipts, and what their sums came from. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { meterId } from "../../../protocol/names.ts";
import { listBills, type ListedBill } from "../../bills/list.ts";
import { Checkpoints } from "../../ledger/checkpoints.ts";
import { Receipts } from "../../ledger/receipts.ts";
import type { BillsTable } from "../../store/tables.ts";
import { BILLS } from "../access/roles.ts";
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
  unixSeconds,
} from "../contract.ts";
import { behind } from "../keyset.ts";
import { found, Problem } from "../problem.ts";

const localDate = z.iso.date();
const energyWh = z.int().describe("Wh");
const amountMicro = z.int().describe("Millionths of the currency");

const billHead = z
  .object({
    meter: z.string(),
    periodStart: z.string(),
    periodEnd: z.string().describe("The day after the last"),
    version: z.int(),
    status: z.string().describe("`final`, `superseded`, or why there is no sum"),
    energyWh: energyWh.nullable(),
    exportWh: energyWh.nullable(),
    amountMicro: amountMicro.nullable(),
    currency: z.string(),
    spareAnswers: z.int().nullable().describe("How many wrong answers of aggregators the check would have found"),
    rangeProof: z.enum(["proved", "unproved"]).nullable(),
    gapSlots: z.int(),
    tariff: z.string(),
    issuedAt: unixSeconds,
  })
  .meta({ id: "BillHead" });

const bill = z
  .object({
    meter: z.string(),
    periodStart: z.string(),
    periodEnd: z.string(),
    version: z.int(),
    status: z.string(),
    energyWh: energyWh.nullable(),
    amountMicro: amountMicro.nullable(),
    currency: z.string(),
    spareAnswers: z.int().nullable(),
    rangeProof: z.enum(["proved", "unproved"]).nullable(),
    gapSlots: z.int(),
    tariff: z.string(),
    rows: z.array(z.object({ band: z.string(), energyWh, amountMicro })),
    gaps: z.array(
      z.object({
        kind: z.string(),
        from: unixSeconds,
        to: unixSeconds,
        reason: z.string(),
        billedPeriodStart: z.string().nullable().describe("The later bill that the energy entered"),
      }),
    ),
  })
  .meta({ id: "Bill" });

const key = { meter: meterId, period: localDate.describe("First local date of the period") };

function headOf(row: Omit<BillsTable, "sent">): z.infer<typeof billHead> {
  return {
    meter: row.meter_id,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    version: row.version,
    status: row.status,
    energyWh: row.energy_wh,
    exportWh: row.export_wh,
    amountMicro: row.amount_micro,
    currency: row.currency,
    spareAnswers: row.spare_answers,
    rangeProof: row.range_proof,
    gapSlots: row.gaps,
    tariff: row.tariff_id,
    issuedAt: row.issued_at,
  };
}

function billOf({ late: _late, rangeProof, rows, gaps, ...rest }: ListedBill): z.infer<typeof bill> {
  return { ...rest, rangeProof: rangeProof ?? null, rows: [...rows], gaps: [...gaps] };
}

/** Whose bills the account may see; undefined: everybody's. */
function ownMeters({ account }: FastifyRequest): readonly string[] | undefined {
  return account!.role === "customer" ? account!.meters : undefined;
}

/** The same answer for another's bill as for none: whether it exists is nobody's business. */
function assertOwn(request: FastifyRequest, meter: string): void {
  const own = ownMeters(request);
  if (own !== undefined && !own.includes(meter)) throw new Problem(404, "not-found", `there is no bill of ${meter}`);
}

export function addBillRoutes(app: Api, { utility, policy }: ApiContext): void {
  app.get(
    "/bills",
    {
      config: { access: BILLS },
      schema: {
        operationId: "listBills",
        tags: ["bills"],
        summary: "Bills by period and meter; a customer sees their own only",
        querystring: z.object({
          meter: meterId.optional(),
          period: localDate.optional().describe("First local date of the period"),
          status: z.string().max(64).optional(),
          superseded: z.stringbool().default(false).describe("Versions that a correction replaced, too"),
          ...paging,
          ...format,
        }),
        response: { 200: pageAnswers(billHead, "A page of bills, newest period first.") },
      },
    },
    async (request, reply) => {
      const { meter, period, status, superseded, limit, after } = request.query;
      const own = ownMeters(request);
      let query = utility.db.selectFrom("bills").selectAll();
      if (own !== undefined) query = query.where("meter_id", "in", own.length === 0 ? [""] : own);
      if (meter !== undefined) query = query.where("meter_id", "=", meter);
      if (period !== undefined) query = query.where("period_start", "=", period);
      if (status !== undefined) query = query.where("status", "=", status);
      if (!superseded) query = query.where("status", "!=", "superseded");
      const cursor = cursorOf(after, z.string(), z.string(), z.int());
      if (cursor !== undefined) {
        const [start, id, version] = cursor;
        query = query.where((eb) =>
          behind(eb, [
            ["period_start", "<", start],
            ["meter_id", ">", id],
            ["version", ">", version],
          ]),
        );
      }
      const rows = await query
        .orderBy("period_start", "desc")
        .orderBy("meter_id")
        .orderBy("version")
        .limit(limit + 1)
        .execute();
      const page = pageOf(rows, limit, (row) => [row.period_start, row.meter_id, row.version], headOf);
      return sendPage(reply, request.query, page);
    },
  );

  app.get(
    "/bills/:meter/:period",
    {
      config: { access: BILLS },
      schema: {
        operationId: "getBill",
        tags: ["bills"],
        summary: "A bill row by row, in all its versions",
        params: z.object(key),
        response: { 200: z.object({ versions: z.array(bill).min(1).describe("The newest last") }) },
      },
    },
    async (request) => {
      const { meter, period } = request.params;
      assertOwn(request, meter);
      const versions = (await listBills(utility.db, { meter, period, allVersions: true })).map(billOf);
      if (versions.length === 0) throw new Problem(404, "not-found", `there is no bill of ${meter} from ${period}`);
      return { versions };
    },
  );

  app.get(
    "/bills/:meter/:period/receipt",
    {
      config: { access: BILLS },
      schema: {
        operationId: "getReceipt",
        tags: ["bills"],
        summary: "The receipt of the final bill: its text, its tariff, and the proof that it is in the log",
        params: z.object(key),
        response: {
          200: { description: "The receipt.", content: { "text/plain": { schema: z.string() } } },
          409: problem("Too few witnesses have seen it yet, or what it says was erased."),
        },
      },
    },
    async (request, reply) => {
      const { meter, period } = request.params;
      assertOwn(request, meter);
      const { db } = utility;
      const row = await db
        .selectFrom("current_bills")
        .selectAll()
        .where("meter_id", "=", meter)
        .where("period_start", "=", period)
        .where("status", "=", "final")
        .orderBy("version", "desc")
        .executeTakeFirst();
      const final = found(`final bill of ${meter} from ${period}`, row);
      const receipt = await new Receipts(db, new Checkpoints(db, policy, { keeps: false })).of(final);
      if (receipt === "waiting") throw new Problem(409, "waiting", "too few witnesses have seen this bill yet");
      if (receipt === "gone")
        throw new Problem(409, "gone", "what this bill says was erased, or it is older than the log");
      void reply
        .type("text/plain; charset=utf-8")
        .header("content-disposition", `attachment; filename="${meter}-${period}.receipt"`);
      return receipt.text;
    },
  );
}
