/** Which assets may fail, what is planned for them, and what that saves. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { GridMaintenance } from "../../../protocol/grid/index.ts";
import { Chart } from "../charts/chart.tsx";
import { count, figure, fixed, money, orNothing, percent } from "../format.ts";
import { gridMaintenance } from "../grid/api.ts";
import { assetTone } from "../grid/asset-tone.ts";
import { NoGrid } from "../grid/no-grid.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Button, Card, Empty, Page, Stat, Stats } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";

const SHOWN = 15;

function euros(value: number): string {
  return money(Math.round(value) * 1e6, "EUR").replace(/\.00$/, "");
}

/** To a tenth, so that a column of them can be compared. */
function years(value: number): string {
  return fixed(value, 1);
}

export function Maintenance(): ReactNode {
  const query = useQuery(gridMaintenance);
  return (
    <Page
      title="Maintenance"
      lead="From load, heat and age of each asset: its chance to fail, and the plan that costs least in work and failures together."
      actions={
        query.data?.simulated === true ? (
          <Badge tone="info" icon="flask">
            Simulated histories
          </Badge>
        ) : undefined
      }
    >
      <QueryView query={query} missing={(error) => <NoGrid error={error} />}>
        {(plan) => <Plan plan={plan} />}
      </QueryView>
    </Page>
  );
}

function Plan({ plan }: { readonly plan: GridMaintenance }): ReactNode {
  const { assets, before, after, gap, optimal, hours, hoursPerWeek, weeks, unjudged } = plan;
  const [all, setAll] = useState(false);
  const shown = all ? assets.length : Math.min(SHOWN, assets.length);
  const planned = assets.filter(({ action }) => action !== null).length;
  return (
    <div className="grid">
      <Stats label="The plan">
        <Stat
          label="Expected cost"
          value={euros(after.cost)}
          note={`over ${figure(plan.horizonYears)} years; ${euros(before.cost)} if nothing is done`}
        />
        <Stat
          label="Expected failures"
          value={fixed(after.failures, 2)}
          note={`in 26 weeks; ${fixed(before.failures, 2)} if nothing is done`}
        />
        <Stat label="Planned" value={count(planned)} note={`of ${assets.length} assets, in ${weeks} weeks`} />
        <Stat
          label="Above the least possible"
          value={percent(gap, 2)}
          note={optimal ? "the plan is proved to be the best" : "at most"}
        />
      </Stats>
      <Card
        title={
          all
            ? `All ${assets.length} assets, the likeliest to fail first`
            : `The ${shown} of ${assets.length} assets that are likeliest to fail`
        }
        aside={
          assets.length > SHOWN ? (
            <Button size="small" pressed={all} onClick={() => setAll(!all)}>
              {all ? `Show ${SHOWN}` : `Show all ${assets.length}`}
            </Button>
          ) : undefined
        }
      >
        {assets.length === 0 ? (
          <Empty title="No asset has a history yet" />
        ) : (
          <DataTable
            caption="Assets"
            rows={assets.toSorted((a, b) => b.chance - a.chance).slice(0, shown)}
            keyOf={({ asset }) => asset}
            columns={[
              { head: "Asset", cell: ({ asset, kind, ageYears }) => <Asset {...{ asset, kind, ageYears }} /> },
              {
                ...{ head: "Fails in 26 weeks", number: true },
                cell: (asset) => <Badge tone={assetTone(asset)}>{percent(asset.chance, 1)}</Badge>,
              },
              {
                ...{ head: "Left, years", number: true },
                cell: ({ remainingYears: { tenth, median, nineTenths } }) =>
                  `${orNothing(median, years)} (${orNothing(tenth, years)} to ${nineTenths === null ? "60+" : years(nineTenths)})`,
              },
              {
                head: "Efficiency",
                number: true,
                cell: ({ efficiency }) => percent(efficiency.now, 2),
              },
              {
                head: "Plan",
                cell: ({ action, week }) =>
                  action === null ? <span className="muted">none</span> : `${action}, week ${week ?? "–"}`,
              },
              { head: "Saves", number: true, cell: ({ saves, action }) => (action === null ? "" : euros(saves)) },
            ]}
          />
        )}
      </Card>
      <Card title="Crew hours" className="span-8">
        <Chart
          height={200}
          model={{
            title: "Crew hours",
            summary: `${figure(hours.reduce((sum, one) => sum + one, 0))} hours in all; ${figure(hoursPerWeek)} a week are there.`,
            series: [{ name: "Hours", kind: "bars", colour: 1, points: hours.map((y, i) => ({ x: i + 1, y })) }],
            x: { name: "Week", unit: "", format: (value) => figure(value) },
            y: { name: "Work", unit: "h", digits: 3, format: (value) => figure(value), fromZero: true },
          }}
        />
      </Card>
      {unjudged.length > 0 && (
        <Card title="Not judged" className="span-4" note="Their history is too short.">
          <p>{unjudged.join(", ")}</p>
        </Card>
      )}
    </div>
  );
}

function Asset({
  asset,
  kind,
  ageYears,
}: Pick<GridMaintenance["assets"][number], "asset" | "kind" | "ageYears">): ReactNode {
  return (
    <>
      {asset}
      <br />
      <span className="muted small">
        {kind}, {years(ageYears)} years
      </span>
    </>
  );
}
