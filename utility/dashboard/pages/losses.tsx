/** Losses of the grid over time, beside the best switches that are known and the optimum. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { GridHistoryRow, GridLosses, GridState } from "../../../protocol/grid/index.ts";
import { Chart } from "../charts/chart.tsx";
import { timeAxis } from "../charts/load-model.ts";
import type { ChartModel, Series } from "../charts/model.ts";
import { alike, figure, fixed, moment, percent, powersAlike } from "../format.ts";
import { gridHistory, gridState, gridStatistics } from "../grid/api.ts";
import { megawatts } from "../grid/details.tsx";
import { LoadFactor } from "../grid/load-factor.tsx";
import { NoGrid } from "../grid/no-grid.tsx";
import { StateBadges } from "../grid/state-badges.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Card, Empty, Page, Stat, Stats } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

const HOUR = 3_600;
const HOURS = 48;

export function Losses(): ReactNode {
  const state = useQuery(gridState);
  const newest = state.data?.time;
  // Whole hours, so that not every scan asks for another span.
  const from = newest === undefined ? undefined : (Math.floor(newest / HOUR) - HOURS) * HOUR;
  const history = useQuery(gridHistory(from));
  return (
    <Page
      title="Losses"
      lead={
        <>
          What lines and transformers take of the power that passes, and how much of it better switches would save.
          <LoadFactor state={state.data} />
        </>
      }
      actions={state.data === undefined ? undefined : <StateBadges state={state.data} />}
    >
      <QueryView query={state} missing={(error) => <NoGrid error={error} />}>
        {(now) => (
          <div className="grid">
            <Now state={now} />
            <Card title="Losses over time" className="span-8">
              <QueryView query={history} missing={(error) => <NoGrid error={error} />}>
                {({ items }) =>
                  items.length < 2 ? (
                    <Empty title="There are too few scans yet">Each scan of the grid adds a point.</Empty>
                  ) : (
                    <Trend rows={items} />
                  )
                }
              </QueryView>
            </Card>
            <Where losses={now.totals.losses} />
            <Gap rows={history.data?.items ?? []} />
            <Figures />
          </div>
        )}
      </QueryView>
    </Page>
  );
}

function Now({ state: { totals, switching } }: { readonly state: GridState }): ReactNode {
  const zone = useZone();
  const lossKw = totals.losses.technicalMw * 1_000;
  // Beside each other, so that they can be compared: one unit, as many decimals.
  const show = alike([lossKw, ...(switching === null ? [] : [switching.lossKw, switching.referenceCost])]);
  return (
    <Stats label="Losses now">
      <Stat
        label="Losses"
        {...{ value: show(lossKw), unit: "kW" }}
        note={`${percent(1 - totals.efficiency, 2)} of ${megawatts(totals.inputMw)}`}
      />
      <Stat
        label="With the best switches known"
        {...(switching === null ? { value: "–" } : { value: show(switching.lossKw), unit: "kW" })}
        note={switching === null ? "nothing was proposed yet" : `for the loads of ${moment(switching.time, zone)}`}
      />
      <Stat
        label={switching?.reference === "best known" ? "Best known cost" : "Optimum"}
        {...(switching === null ? { value: "–" } : { value: show(switching.referenceCost), unit: "kW" })}
        note={
          switching === null
            ? undefined
            : switching.reference === "certified"
              ? "certified: there is nothing better"
              : "nobody has proved it"
        }
      />
      <Stat
        label="Gap to it"
        {...(typeof switching?.gapPercent === "number"
          ? { value: fixed(switching.gapPercent, 2), unit: "%" }
          : { value: "–" })}
        note="of the proposal, in cost"
      />
    </Stats>
  );
}

function Trend({ rows }: { readonly rows: readonly GridHistoryRow[] }): ReactNode {
  const zone = useZone();
  const ordered = rows.toSorted((a, b) => a.time - b.time);
  const line = (
    name: string,
    of: (row: GridHistoryRow) => number | null,
    more: Pick<Series, "colour"> & Partial<Series>,
  ): Series => ({
    ...{ name, kind: "line", points: ordered.map((row) => ({ x: row.time, y: of(row) })) },
    ...more,
  });
  const last = ordered.at(-1)!;
  const model: ChartModel = {
    title: "Losses",
    summary:
      last.bestKw === null
        ? `${figure(last.technicalMw * 1_000)} kW now.`
        : `${figure(last.technicalMw * 1_000)} kW now, ${figure(last.bestKw)} kW with the best switches that are known.`,
    series: [
      line("Now", ({ technicalMw }) => technicalMw * 1_000, { colour: 1, area: true }),
      line("Best switches known", ({ bestKw }) => bestKw, { colour: 3, dash: [6, 3] }),
      line("Optimum", ({ optimumKw }) => optimumKw, { colour: 2, dash: [2, 3] }),
    ],
    x: timeAxis(zone),
    y: { name: "Losses", unit: "kW", digits: 3, format: (value) => figure(value), fromZero: true },
  };
  return <Chart model={model} />;
}

function Gap({ rows }: { readonly rows: readonly GridHistoryRow[] }): ReactNode {
  const zone = useZone();
  const known = rows.filter(({ gapPercent }) => gapPercent !== null).toSorted((a, b) => a.time - b.time);
  return (
    <Card title="Gap to the optimum" className="span-6">
      {known.length === 0 ? (
        <Empty title="No proposal has been held against an optimum yet" />
      ) : (
        <Chart
          height={200}
          model={{
            title: "Gap",
            summary: `${fixed(known.at(-1)?.gapPercent ?? 0, 2)} % at last.`,
            series: [
              {
                name: "Gap",
                kind: "line",
                colour: 4,
                points: known.map(({ time, gapPercent }) => ({ x: time, y: gapPercent })),
                step: true,
              },
            ],
            x: timeAxis(zone),
            y: { name: "Above the optimum", unit: "%", digits: 3, format: (value) => figure(value), fromZero: true },
          }}
        />
      )}
    </Card>
  );
}

const PLACES: readonly (readonly [keyof GridLosses, string])[] = [
  ["transmissionLinesMw", "Transmission lines"],
  ["transmissionTransformersMw", "Transmission transformers"],
  ["distributionLinesMw", "Distribution lines"],
  ["distributionTransformersMw", "Distribution transformers"],
  ["shuntsMw", "Shunts"],
];

function Where({ losses }: { readonly losses: GridLosses }): ReactNode {
  const rows = PLACES.filter(([key]) => losses[key] > 0);
  const show = powersAlike(rows.map(([key]) => losses[key]));
  return (
    <Card title="Where" className="span-4">
      <DataTable
        caption="Losses by kind of equipment"
        rows={rows}
        keyOf={([key]) => key}
        columns={[
          { head: "Equipment", cell: ([, name]) => name },
          { head: "Losses", number: true, cell: ([key]) => show(losses[key]) },
          { head: "Share", number: true, cell: ([key]) => percent(losses[key] / losses.technicalMw, 0) },
        ]}
      />
    </Card>
  );
}

function Figures(): ReactNode {
  const query = useQuery(gridStatistics);
  return (
    <Card title="Over all scans" className="span-6">
      <QueryView query={query}>
        {({ scans, lostMwh, deliveredMwh, leastVoltagePu, mostLoadingPercent, simulated }) => (
          <>
            <dl className="facts">
              <dt>Scans</dt>
              <dd>{figure(scans, 5)}</dd>
              <dt>Lost</dt>
              <dd>{fixed(lostMwh, 2)} MWh</dd>
              <dt>Delivered</dt>
              <dd>{fixed(deliveredMwh, 2)} MWh</dd>
              <dt>Lowest voltage</dt>
              <dd>{leastVoltagePu === null ? "–" : `${fixed(leastVoltagePu.least, 3)} p.u.`}</dd>
              <dt>Highest loading</dt>
              <dd>{mostLoadingPercent === null ? "–" : `${fixed(mostLoadingPercent.most, 1)} %`}</dd>
            </dl>
            {simulated && (
              <p style={{ marginTop: 12 }}>
                <Badge tone="info" icon="flask">
                  Simulated sensors
                </Badge>
              </p>
            )}
          </>
        )}
      </QueryView>
    </Card>
  );
}
