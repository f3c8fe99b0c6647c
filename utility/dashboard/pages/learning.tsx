/** Learning together: what it cost each home, round by round, and what privacy costs of the forecast. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Answer, Item } from "../api/client.ts";
import { logEntries, modelRounds, system, tradeoff } from "../api/queries.ts";
import { Chart } from "../charts/chart.tsx";
import type { ChartModel, Series } from "../charts/model.ts";
import { count, figure, fixed, moment, orNothing } from "../format.ts";
import { LearnHint } from "../parts/learn-hint.tsx";
import { budgetOf } from "../privacy-budget.ts";
import { Command } from "../ui/command.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Card, Empty, Page } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

type Tradeoff = Answer<"getTradeoff">;

const TASKS: Record<string, string> = { train: "Training", histogram: "Histogram", load: "Noised load" };
const OPEN = ["announced", "asked"];
/** Series that the measurement compares, in the order and look they are drawn with. */
const SERIES: readonly {
  readonly name: string;
  readonly colour: 1 | 2 | 3;
  readonly dash?: readonly [number, number];
}[] = [
  { name: "homes add noise", colour: 1 },
  { name: "trusted server adds noise", colour: 3, dash: [6, 3] },
];

export function Learning(): ReactNode {
  const measured = useQuery(tradeoff);
  return (
    <Page
      title="Learning"
      lead="Homes train a forecast on their own readings. Only a clipped, noised change of weights leaves them, as shares; aggregators open nothing but the sum."
    >
      <div className="grid">
        <BudgetCard />
        <RoundsCard />
        <Card
          title="Convergence"
          className="span-6"
          aside={<Simulated data={measured.data} />}
          note="Error on days that no home has trained on, as the rounds go by."
        >
          <QueryView query={measured} missing={notMeasured}>
            {(data) => <Chart model={convergence(data)} />}
          </QueryView>
        </Card>
        <Card
          title="What privacy costs"
          className="span-6"
          aside={<Simulated data={measured.data} />}
          note="The same forecast under different budgets: further left is more private."
        >
          <QueryView query={measured} missing={notMeasured}>
            {(data) => <Chart model={cost(data)} />}
          </QueryView>
        </Card>
      </div>
    </Page>
  );
}

function Simulated({ data }: { readonly data: Tradeoff | undefined }): ReactNode {
  if (data === undefined) return null;
  return (
    <>
      {data.simulated && (
        <Badge tone="info" icon="flask">
          Simulated homes
        </Badge>
      )}
      {data.quick && <Badge tone="warn">Quick run, not to be quoted</Badge>}
    </>
  );
}

function notMeasured({ code }: { readonly code: string }): ReactNode {
  if (code !== "not-measured") return undefined;
  return (
    <Empty title="Nothing was measured yet">
      <Command>npm run learn -- tradeoff --quick</Command> takes half a minute, without <code>--quick</code> seven
      minutes. Reload this page then.
    </Empty>
  );
}

function BudgetCard(): ReactNode {
  const query = useQuery(logEntries("budget", 200));
  const { data: about } = useQuery(system);
  const limit = about?.epsilonBudget ?? 0;
  return (
    <Card
      title="Spent of the privacy budget"
      className="span-6"
      note={`What a home that took part in all rounds has spent; it refuses what would exceed ε = ${limit}.`}
    >
      <QueryView query={query}>
        {({ items }) => {
          const spent = items
            .toReversed()
            .flatMap(({ content }) => budgetOf(content)?.epsilon ?? [])
            .map((epsilon, i) => ({ x: i + 1, y: epsilon }));
          if (spent.length === 0) {
            return <Empty title="Nothing is spent">Homes of this system have not learned together yet.</Empty>;
          }
          return <Chart model={budgetChart(spent, limit)} height={220} />;
        }}
      </QueryView>
    </Card>
  );
}

function budgetChart(spent: readonly { x: number; y: number }[], limit: number): ChartModel {
  const last = spent.at(-1)!;
  const line: Series = {
    ...{ name: "Limit", kind: "line", colour: 2, dash: [6, 3] },
    points: [1, Math.max(2, last.x)].map((x) => ({ x, y: limit })),
  };
  return {
    title: "Privacy budget",
    summary: `ε = ${fixed(last.y, 2)} of ${limit} after ${last.x} ${last.x === 1 ? "entry" : "entries"} of the log.`,
    series: [{ name: "Spent", kind: "line", colour: 1, points: spent, step: true, area: true }, line],
    x: { name: "Entry of the log", unit: "", format: (value) => figure(value) },
    y: { name: "ε", unit: "", digits: 3, format: (value) => figure(value), fromZero: true },
  };
}

function RoundsCard(): ReactNode {
  const zone = useZone();
  const query = useQuery(modelRounds);
  return (
    <Card title="Rounds" className="span-6">
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="There was no round of learning yet">
              Homes of this system have not been asked. <LearnHint />
            </Empty>
          ) : (
            <DataTable
              caption="Rounds of learning"
              rows={items.slice(0, 8)}
              keyOf={({ round }) => round}
              columns={[
                { head: "Task", cell: ({ task, step }) => `${TASKS[task] ?? task}, step ${step + 1}` },
                { head: "Closes", cell: ({ closesAt }) => moment(closesAt, zone) },
                {
                  head: "Homes",
                  number: true,
                  cell: ({ meters, minMeters }) => `${orNothing(meters, count)} (≥ ${minMeters})`,
                },
                { head: "Status", cell: (round) => <RoundStatus round={round} /> },
              ]}
            />
          )
        }
      </QueryView>
    </Card>
  );
}

function RoundStatus({ round: { status, reason } }: { readonly round: Item<"listModelRounds"> }): ReactNode {
  const tone = status === "final" ? "good" : OPEN.includes(status) ? "info" : "warn";
  return (
    <Badge tone={tone} {...(reason === "" ? {} : { title: reason })}>
      {status}
    </Badge>
  );
}

const NAMED: readonly {
  readonly at: string;
  readonly name: string;
  readonly colour: 1 | 3 | 2;
  readonly dash?: readonly [number, number];
}[] = [
  { at: "none", name: "Without noise", colour: 3, dash: [6, 3] },
  { at: "8", name: "ε = 8", colour: 1 },
  { at: "1", name: "ε = 1", colour: 2, dash: [2, 3] },
];

function convergence({ points, rounds, homes }: Tradeoff): ChartModel {
  const own = points.filter(({ series }) => series === "homes add noise");
  const series = NAMED.flatMap(({ at, name, colour, dash }): Series[] => {
    const point = own.find((one) => one.at === at);
    if (point === undefined) return [];
    const drawn = point.convergence.map(({ round, maeWh }) => ({ x: round, y: maeWh.mean }));
    return [{ name, kind: "line", colour, points: drawn, ...(dash === undefined ? {} : { dash }) }];
  });
  return {
    title: "Convergence",
    summary: `${homes} homes, ${rounds} rounds; the lower the better.`,
    series,
    x: { name: "Round", unit: "", format: (value) => figure(value) },
    y: { name: "Mean absolute error", unit: "Wh", digits: 4, format: (value) => figure(value, 4) },
  };
}

/** Noise that each home adds for itself alone is off the scale: it is said instead of drawn. */
function alone(points: Tradeoff["points"]): string {
  const worst = points
    .filter(({ series }) => series === "each home for itself")
    .sort((a, b) => (a.epsilon ?? 0) - (b.epsilon ?? 0));
  const [first] = worst;
  if (first === undefined || first.epsilon === null) return "";
  return ` Noise of each home for itself alone would give ${figure(first.homesWh.mean, 4)} Wh at ε = ${figure(first.epsilon)}.`;
}

function cost({ points, references }: Tradeoff): ChartModel {
  const series = SERIES.flatMap(({ name, colour, dash }): Series[] => {
    const own = points.filter((point) => point.series === name && point.epsilon !== null);
    if (own.length === 0) return [];
    const drawn = own.map(({ epsilon, homesWh }) => ({ x: epsilon ?? 0, y: homesWh.mean })).sort((a, b) => a.x - b.x);
    return [{ name, kind: "line", colour, points: drawn, ...(dash === undefined ? {} : { dash }) }];
  });
  const xs = series.flatMap(({ points: own }) => own.map(({ x }) => x));
  const best = references.median.homes.bestWh;
  const flat: Series = {
    ...{ name: "No learning at all", kind: "line", colour: 5, dash: [9, 4] },
    points: [Math.min(...xs), Math.max(...xs)].map((x) => ({ x, y: best })),
  };
  return {
    title: "What privacy costs",
    summary: `Without learning the error is ${figure(best, 4)} Wh: what is below that line was worth it.${alone(points)}`,
    series: [...series, flat],
    x: { name: "ε of a home, over all rounds", unit: "", log: true, format: (value) => figure(value) },
    y: { name: "Mean absolute error", unit: "Wh", digits: 4, format: (value) => figure(value, 4) },
  };
}
