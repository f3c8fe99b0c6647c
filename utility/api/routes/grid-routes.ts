/** The grid in operation: what analytics publishes of it, and what it is asked. */
import { z } from "zod";
import {
  forecast,
  gridState,
  historyRow,
  maintenance,
  node,
  optimised,
  optimiseOptions,
  pathOptions,
  paths,
  renewables,
  statistics,
  topology,
} from "../../../protocol/grid/index.ts";
import { feederId } from "../../../protocol/names.ts";
import { OPERATE, STAFF } from "../access/roles.ts";
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
  numberText,
} from "../contract.ts";

const PROBLEMS = {
  429: problem("`grid-share`: the account has as many questions open as it may; and too many requests."),
  503: problem(
    "`grid-off`: no grid is operated; `grid-away`, `grid-busy`: try again; `grid-unavailable`: not for this grid, or not yet.",
  ),
  504: problem("`grid-timeout`: analytics did not answer in time."),
};

const element = z
  .object({
    element: z.string().describe("`bus:5`, `branch:12`"),
    risk: z.number().describe("1 at a limit, 0 well within"),
    vmPu: z.number().nullable().describe("Of a bus"),
    loadingPercent: z.number().nullable().describe("Of a branch"),
    temperatureC: z.number().nullable().describe("Of a branch"),
  })
  .meta({ id: "GridRisk" });

const risks = z.object({
  time: z.number(),
  simulated: z.boolean(),
  stale: z.boolean(),
  total: z.number(),
  items: z.array(element),
});

const number = (schema: z.ZodNumber) => numberText(schema).optional();
/** Numbers of branches with commas between them. */
const branchList = z
  .string()
  .max(1_000)
  .regex(/^\d+(,\d+)*$/, "numbers of branches, with commas between them")
  .transform((text) => text.split(",").map(Number))
  .pipe(pathOptions.shape.broken.unwrap())
  .optional();

export function addGridRoutes(app: Api, { grid }: ApiContext): void {
  app.get(
    "/grid/state",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getGridState",
        tags: ["grid"],
        summary: "The newest state: voltages, flows, losses, risk, findings; columns in the order of the topology",
        response: { 200: gridState, ...PROBLEMS },
      },
    },
    async ({ account }) => await grid.state(account!.name),
  );

  app.get(
    "/grid/topology",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getGridTopology",
        tags: ["grid"],
        summary: "Buses with places on a map, branches, and which feeder's load is whose",
        response: { 200: topology, ...PROBLEMS },
      },
    },
    async ({ account }) => await grid.topology(account!.name),
  );

  app.get(
    "/grid/node/:id",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getGridNode",
        tags: ["grid"],
        summary: "A bus with its branches, findings and last scans",
        params: z.object({ id: numberText(z.number().int().min(1).max(1e9)) }),
        response: { 200: node, ...PROBLEMS },
      },
    },
    async ({ params, account }) => await grid.ask({ kind: "node", bus: params.id }, account!.name),
  );

  app.get(
    "/grid/risk",
    {
      config: { access: STAFF },
      schema: {
        operationId: "listGridRisks",
        tags: ["grid"],
        summary: "Buses and branches by how near they are to their limits, the riskiest first",
        querystring: z.object({ limit: paging.limit }),
        response: { 200: risks, ...PROBLEMS },
      },
    },
    async ({ query, account }) => {
      const [state, map] = [await grid.state(account!.name), await grid.topology(account!.name)];
      const { buses, branches, totals, time, simulated, stale } = state;
      const all = [
        ...map.buses.map(({ id }, i) => ({
          ...{ element: `bus:${id}`, risk: buses.risk[i]!, vmPu: buses.vmPu[i]! },
          ...{ loadingPercent: null, temperatureC: null },
        })),
        ...map.branches.map(({ id }, i) => ({
          ...{ element: `branch:${id}`, risk: branches.risk[i]!, vmPu: null },
          ...{ loadingPercent: branches.loadingPercent[i]!, temperatureC: branches.temperatureC[i]! },
        })),
      ];
      const items = all.sort((a, b) => b.risk - a.risk).slice(0, query.limit);
      return { time, simulated, stale, total: totals.risk, items };
    },
  );

  app.get(
    "/grid/loss",
    {
      config: { access: STAFF },
      schema: {
        operationId: "listGridLosses",
        tags: ["grid"],
        summary: "Losses, efficiency, and proposals beside the best, scan by scan",
        querystring: z.object({ ...timeRange, ...paging, ...format }),
        response: { 200: pageAnswers(historyRow, "A page of scans, in the order in which they came."), ...PROBLEMS },
      },
    },
    async ({ query, account }, reply) => {
      const [after] = cursorOf(query.after, z.int().min(0)) ?? [];
      const range = {
        ...(query.from === undefined ? {} : { from: query.from }),
        ...(query.to === undefined ? {} : { to: query.to }),
        ...(after === undefined ? {} : { after }),
      };
      const { rows } = await grid.ask({ kind: "history", limit: query.limit + 1, ...range }, account!.name);
      return sendPage(
        reply,
        query,
        pageOf(
          rows,
          query.limit,
          ({ id }) => [id],
          (row) => row,
        ),
      );
    },
  );

  app.get(
    "/grid/statistics",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getGridStatistics",
        tags: ["grid"],
        summary: "Figures over the scans of a time, and of analytics since it was started",
        querystring: z.object(timeRange),
        response: { 200: statistics, ...PROBLEMS },
      },
    },
    async ({ query, account }) => {
      const range = {
        ...(query.from === undefined ? {} : { from: query.from }),
        ...(query.to === undefined ? {} : { to: query.to }),
      };
      return await grid.ask({ kind: "statistics", ...range }, account!.name);
    },
  );

  app.post(
    "/grid/optimize",
    {
      config: { access: OPERATE },
      schema: {
        operationId: "optimizeGrid",
        tags: ["grid"],
        summary: "Switches to change for the loads of now; nothing is switched",
        body: optimiseOptions,
        response: { 200: optimised, ...PROBLEMS },
      },
    },
    async ({ body, account }) => await grid.ask({ kind: "optimise", ...body }, account!.name),
  );

  app.get(
    "/grid/paths",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getGridPaths",
        tags: ["grid"],
        summary: "A way from a generator to every load, for the loads of now",
        // What is not known is refused: an answer to another question would look like one to this.
        querystring: z.strictObject({
          method: pathOptions.shape.method,
          riskWeight: number(pathOptions.shape.riskWeight.unwrap()),
          violationWeight: number(pathOptions.shape.violationWeight.unwrap()),
          vMinPu: number(pathOptions.shape.vMinPu.unwrap()),
          vMaxPu: number(pathOptions.shape.vMaxPu.unwrap()),
          ...{ broken: branchList, repaired: branchList, keepOpen: branchList, keepClosed: branchList },
          mostFlows: number(pathOptions.shape.mostFlows.unwrap()),
          seed: number(pathOptions.shape.seed.unwrap()),
        }),
        response: { 200: paths, ...PROBLEMS },
      },
    },
    async ({ query, account }) => await grid.ask({ kind: "paths", ...pathOptions.parse(query) }, account!.name),
  );

  app.get(
    "/grid/forecast",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getGridForecast",
        tags: ["grid"],
        summary: "A day of each feeder, or of one: quantiles, what needs no model, and what came",
        querystring: z.object({
          feeder: feederId.optional(),
          date: z.iso.date().optional().describe("A local day; that of the newest load where it is left out"),
        }),
        response: { 200: forecast, ...PROBLEMS },
      },
    },
    async ({ query, account }) => {
      const chosen = {
        ...(query.feeder === undefined ? {} : { feeder: query.feeder }),
        ...(query.date === undefined ? {} : { date: query.date }),
      };
      return await grid.ask({ kind: "forecast", ...chosen }, account!.name);
    },
  );

  app.get(
    "/grid/maintenance",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getGridMaintenance",
        tags: ["grid"],
        summary: "Assets with risk and remaining life, what to do in which week, before and after",
        querystring: z.object({
          weeks: numberText(z.number().int().min(1).max(26)).default(26).describe("Weeks that are planned"),
          hoursPerWeek: numberText(z.number().min(0).max(100_000)).default(40).describe("Of the crew"),
        }),
        response: { 200: maintenance, ...PROBLEMS },
      },
    },
    async ({ query, account }) => await grid.ask({ kind: "maintenance", ...query }, account!.name),
  );

  app.get(
    "/grid/renewables",
    {
      config: { access: STAFF },
      schema: {
        operationId: "getGridRenewables",
        tags: ["grid"],
        summary: "Sun and wind, the mix, and what buses can host",
        response: { 200: renewables, ...PROBLEMS },
      },
    },
    async ({ account }) => await grid.ask({ kind: "renewables" }, account!.name),
  );
}
