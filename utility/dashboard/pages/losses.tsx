/** Losses of the grid over time, beside the best switches that are known and the optimum. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { GridHistoryRow, GridLosses, GridState } from "../../../protocol/grid/index.ts";
import { Chart } from "../charts/chart.tsx";
import { timeAxis } from "../charts/load-model.ts";
import { alike, figure, fixed, moment, percent, powersAlike, split } from "../format.ts";
import { gridHistory, gridState, gridStatistics } from "../grid/api.ts";
import { megawatts } from "../grid/details.tsx";
import { coverage, gapChart, lossChart, momentsOf } from "../grid/losses-model.ts";
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
  const zone = useZone();
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
                  momentsOf(items).length < 2 ? (
                    <Empty title="There are too few scans yet">Each scan of the grid adds a point.</Empty>
                  ) : (
                    <Chart model={lossChart(items, timeAxis(zone))} />
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
  const restoredMw = switching === null ? 0 : switching.presentUnservedMw - switching.unservedMw;
  // Beside each other, so that they can be compared: one unit, as many decimals.
  const show = alike([lossKw, ...(switching === null ? [] : [switching.lossKw, switching.referenceCost])]);
  return (
    <Stats label="Losses now">
      <Stat
        label="Losses"
        {...{ value: show(lossKw), unit: "kW" }}
        note={`${percent(1 - totals.efficiency, 2)} of ${megawatts(totals.inputMw)}`}
      />
      {totals.lackingMw > 0 && (
        <Stat
          label="Not supplied"
          {...split(megawatts(totals.lackingMw))}
          tone="bad"
          note="what has no supply loses nothing either"
        />
      )}
      <Stat
        label="With the best switches known"
        {...(switching === null ? { value: "–" } : { value: show(switching.lossKw), unit: "kW" })}
        note={
          switching === null
            ? "nothing is proposed for these loads yet"
            : restoredMw > 0
              ? `and ${megawatts(restoredMw)} more supplied than now`
              : `for the loads of ${moment(switching.time, zone)}`
        }
      />
      <Stat
        label={switching?.reference === "best known" ? "Best known cost" : "Optimum, in cost"}
        {...(switching === null ? { value: "–" } : { value: show(switching.referenceCost), unit: "kW" })}
        note={
          switching === null
            ? undefined
            : switching.reference === "certified"
              ? restoredMw > 0
                ? "certified: nothing that supplies as much costs less"
                : "certified: nothing costs less"
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

function Gap({ rows }: { readonly rows: readonly GridHistoryRow[] }): ReactNode {
  const model = gapChart(rows, timeAxis(useZone()));
  return (
    <Card title="Gap to the optimum" className="span-6">
      {model === undefined ? (
        <Empty title="No proposal has been held against an optimum yet" />
      ) : (
        <Chart height={200} model={model} />
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
  const zone = useZone();
  const query = useQuery(gridStatistics);
  return (
    <Card title="Over all scans" className="span-6">
      <QueryView query={query}>
        {({
          from,
          to,
          coveredSeconds,
          scans,
          lostMwh,
          deliveredMwh,
          leastVoltagePu,
          mostLoadingPercent,
          simulated,
        }) => (
          <>
            <dl className="facts">
              {from !== null && to !== null && (
                <>
                  <dt>From, to</dt>
                  <dd>
                    {moment(from, zone)}, {moment(to, zone)}
                  </dd>
                  <dt>Covered</dt>
                  <dd>{coverage({ from, to, coveredSeconds })}</dd>
                </>
              )}
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
            <p className="muted small" style={{ marginTop: 10 }}>
              Lost and delivered are of the time covered: pauses of more than an hour between scans are in no sum.
            </p>
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
