/** Tomorrow's load of each feeder with its bands, beside what came and what a simple method says; and the mix of supply. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { FeederForecast, GridRenewables } from "../../../protocol/grid/index.ts";
import { Chart } from "../charts/chart.tsx";
import { timeAxis } from "../charts/load-model.ts";
import type { ChartModel, Series } from "../charts/model.ts";
import { alike, figure, localDate, orNothing, percent, powersAlike } from "../format.ts";
import { gridForecast, gridRenewables, gridState } from "../grid/api.ts";
import { timesOf } from "../grid/load-factor.tsx";
import { NoGrid } from "../grid/no-grid.tsx";
import { Command } from "../ui/command.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Card, Empty, Page, Stat, Stats } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

const METHODS: Record<FeederForecast["method"], string> = {
  linear: "trained on its released loads",
  "days-before": "from the same slot of days before",
  none: "no whole day is known before it",
};

/** A day to learn from and one to forecast, also in a folder that has days already. */
const TWO_DAYS = "npm run fleet -- --days 2 --keep-running";
/** As in analytics: with fewer days it takes the same slot of the days before. */
const LEARNS_FROM_DAYS = 28;

const MOST_HOSTING = 8;

export function Forecast(): ReactNode {
  const query = useQuery(gridForecast);
  const [chosen, setChosen] = useState<string>();
  return (
    <Page
      title="Forecast"
      lead="From released feeder loads alone. A band says where the load will be with the probability it names."
      actions={
        query.data === undefined || query.data.items.length === 0 ? undefined : (
          <label className="field inline">
            <span>Feeder</span>
            <select value={chosen ?? query.data.items[0]?.feeder} onChange={(event) => setChosen(event.target.value)}>
              {query.data.items.map(({ feeder }) => (
                <option key={feeder}>{feeder}</option>
              ))}
            </select>
          </label>
        )
      }
    >
      <div className="grid">
        <QueryView query={query} missing={(error) => <NoGrid error={error} />}>
          {({ items }) => {
            const shown = items.find(({ feeder }) => feeder === chosen) ?? items[0];
            return shown === undefined ? (
              <Empty title="No feeder has a forecast yet">
                No load of a feeder has been released yet. <Command>{TWO_DAYS}</Command> runs a fleet that releases
                some.
              </Empty>
            ) : (
              <OneFeeder forecast={shown} />
            );
          }}
        </QueryView>
        <Renewables />
      </div>
    </Page>
  );
}

function OneFeeder({ forecast }: { readonly forecast: FeederForecast }): ReactNode {
  const zone = useZone();
  const { maeWh, baselineMaeWh, insideShare, trainedDays, method, slots, feeder, date } = forecast;
  const show = alike([maeWh ?? 0, baselineMaeWh ?? 0]);
  const banded = hasBand(slots);
  return (
    <>
      <Stats label="How good it is">
        <Stat
          label="Error so far"
          {...(maeWh === null ? { value: "–" } : { value: show(maeWh), unit: "Wh" })}
          note="mean absolute, of a slot"
        />
        <Stat
          label="Error of the baseline"
          {...(baselineMaeWh === null ? { value: "–" } : { value: show(baselineMaeWh), unit: "Wh" })}
          note="mean of the same slot over 14 days"
        />
        <Stat
          label="Inside the band"
          value={banded ? orNothing(insideShare, (share) => percent(share, 0)) : "–"}
          note={banded ? "of slots that are known" : "one day before it gives no band"}
        />
        <Stat label="Days it is made from" value={String(trainedDays)} note={METHODS[method]} />
      </Stats>
      <Card title={`${feeder}, ${localDate(date)}`}>
        {method === "none" || slots.length === 0 ? (
          <Empty title="There is no forecast of this feeder yet">
            It takes a whole day of released loads before the day that is forecast. Where a fleet runs, end it; then{" "}
            <Command>{TWO_DAYS}</Command> brings one. From {LEARNS_FROM_DAYS} days on a model is trained on them.
          </Empty>
        ) : (
          <Chart model={chartOf(forecast, zone)} height={320} />
        )}
      </Card>
    </>
  );
}

/** From a single day before all quantiles are one and the same. */
function hasBand(slots: FeederForecast["slots"]): boolean {
  return slots.some(({ quantilesWh }) => (quantilesWh[0] ?? 0) < (quantilesWh.at(-1) ?? 0));
}

function chartOf({ slots, quantiles, feeder }: FeederForecast, zone: string): ChartModel {
  const [low = 0.1, high = 0.9] = [quantiles[0], quantiles.at(-1)];
  const line = (
    name: string,
    of: (slot: FeederForecast["slots"][number]) => number | null,
    more: Partial<Series> & Pick<Series, "colour">,
  ): Series => ({
    ...{ name, kind: "line", points: slots.map((slot) => ({ x: slot.slotStart, y: of(slot) })) },
    ...more,
  });
  const band: Series = {
    ...{ name: `${percent(high - low, 0)} band`, kind: "band", colour: 1 },
    points: slots.map(({ slotStart, quantilesWh }) => ({
      ...{ x: slotStart, y: null },
      ...(quantilesWh.length < 2 ? {} : { low: quantilesWh[0]!, high: quantilesWh.at(-1)! }),
    })),
  };
  const total = slots.reduce((sum, { energyWh }) => sum + (energyWh ?? 0), 0);
  return {
    title: `Forecast of ${feeder}`,
    summary: `${figure(total / 1_000)} kWh are expected over the day.`,
    series: [
      ...(hasBand(slots) ? [band] : []),
      line("Forecast", ({ energyWh }) => energyWh, { colour: 1 }),
      line("Actual", ({ actualWh }) => actualWh, { colour: 2, dash: [2, 3] }),
      line("Baseline", ({ baselineWh }) => baselineWh, { colour: 5, dash: [6, 3] }),
    ],
    x: timeAxis(zone),
    y: { name: "Energy of a slot", unit: "Wh", digits: 3, format: (value) => figure(value), fromZero: true },
  };
}

function Renewables(): ReactNode {
  const query = useQuery(gridRenewables);
  const { data: state } = useQuery(gridState);
  const times = timesOf(state);
  const assumed = state?.assumedRatings === true;
  return (
    <QueryView query={query} missing={(error) => <NoGrid error={error} />}>
      {(data) => (
        <>
          <Card
            title={data.loads === "released" ? "Supply of a day" : "Supply of a usual day"}
            className="span-8"
            note={supplyNote(data, times)}
            aside={
              data.simulated ? (
                <Badge tone="info" icon="flask">
                  Simulated sun and wind
                </Badge>
              ) : undefined
            }
          >
            <Supply data={data} />
          </Card>
          <Card
            title="Room for more sun"
            className="span-4"
            note={`What a bus could take in addition before a limit is reached.${data.hosting.length > MOST_HOSTING ? ` The ${MOST_HOSTING} with the most room of ${data.hosting.length}.` : ""}`}
            aside={
              assumed ? <Badge title="The case names no ratings for some branches">Assumed ratings</Badge> : undefined
            }
          >
            {data.hosting.length === 0 ? (
              <Empty title="Not worked out for this grid" />
            ) : (
              <Hosting rows={data.hosting.toSorted((a, b) => b.mw - a.mw).slice(0, MOST_HOSTING)} />
            )}
          </Card>
        </>
      )}
    </QueryView>
  );
}

/** What of the supply is known, and what is made up. */
function supplyNote({ loads, date }: GridRenewables, times: string | undefined): string {
  const made = `the sun and wind are of simulated weather on ${localDate(date)}`;
  return loads === "released"
    ? `The load is that of ${localDate(date)} as feeders released it${times === undefined ? "" : `, ${times}, as metered homes stand for more`}; ${made}.`
    : `Not measured: a usual day whose peak is the grid's own; ${made}. No released load is in it${times === undefined ? "" : `; on the map each counts ${times}, as metered homes stand for more`}.`;
}

function Hosting({ rows }: { readonly rows: GridRenewables["hosting"] }): ReactNode {
  const show = powersAlike(rows.map(({ mw }) => mw));
  return (
    <DataTable
      caption="Hosting capacity"
      rows={rows}
      keyOf={({ bus }) => String(bus)}
      columns={[
        { head: "Bus", cell: ({ bus }) => bus },
        { head: "Room", number: true, cell: ({ mw }) => show(mw) },
        { head: "Limit", cell: ({ limitedBy }) => limitedBy },
      ]}
    />
  );
}

function Supply({ data: { slots, mix } }: { readonly data: GridRenewables }): ReactNode {
  const zone = useZone();
  const line = (
    name: string,
    of: (slot: GridRenewables["slots"][number]) => number,
    more: Partial<Series> & Pick<Series, "colour">,
  ): Series => ({
    ...{ name, kind: "line", points: slots.map((slot) => ({ x: slot.slotStart, y: of(slot) })) },
    ...more,
  });
  return (
    <Chart
      model={{
        title: "Supply",
        summary: `${percent(mix.pvShare, 0)} sun, ${percent(mix.windShare, 0)} wind, ${percent(mix.gridShare, 0)} from the grid above.`,
        series: [
          line("Load", ({ loadMw }) => loadMw, { colour: 1 }),
          line("Sun", ({ pvMw }) => pvMw, { colour: 2, area: true }),
          line("Wind", ({ windMw }) => windMw, { colour: 3, dash: [6, 3] }),
          line("From the grid", ({ gridMw }) => gridMw, { colour: 5, dash: [2, 3] }),
        ],
        x: timeAxis(zone),
        y: { name: "Power", unit: "MW", digits: 3, format: (value) => figure(value) },
      }}
    />
  );
}
