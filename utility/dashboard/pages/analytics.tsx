/** What was computed on ciphertexts: by which circuit, who opened it, how wrong it may be, and whether shares agree. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, useParams } from "wouter";
import type { Answer, Item } from "../api/client.ts";
import { result as resultQuery, results } from "../api/queries.ts";
import { Chart } from "../charts/chart.tsx";
import { timeAxis } from "../charts/load-model.ts";
import type { ChartModel } from "../charts/model.ts";
import { count, figure, moment, orNothing, unitText as unit } from "../format.ts";
import { mainValues } from "../parts/headline.ts";
import { ResultValue } from "../parts/result-value.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Ids } from "../ui/ids.tsx";
import { Badge, Button, Card, Empty, Page, Stat, Stats } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

type Result = Item<"listResults">;
type Details = Answer<"getResult">;

/** Each row asks for its numbers: no more of them than one looks at. */
const PAGE = 25;

/** What a circuit computes, in words. */
const CIRCUITS: Record<string, string> = {
  sum: "Sum of all homes, slot by slot",
  mean: "Mean over homes, slot by slot",
  variance: "Spread between homes, slot by slot",
  total: "One sum over the whole window",
  trend: "Straight line through the loads",
  buckets: "How many homes lie in which range",
  compare: "How many homes are above a level",
};

export function Analytics(): ReactNode {
  const { "*": rest } = useParams();
  return rest === undefined || rest === "" ? <AllResults /> : <OneResult job={rest} />;
}

/** An error of millionths of a watt-hour has few digits that count. */
function small(value: number): string {
  return value !== 0 && Math.abs(value) < 0.01
    ? value
        .toExponential(1)
        .replace("e-", " × 10⁻")
        .replace(/⁻(\d+)$/, (_, d: string) => `⁻${superscript(d)}`)
    : figure(value);
}

function superscript(digits: string): string {
  return digits.replaceAll(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹".charAt(Number(digit)));
}

function AllResults(): ReactNode {
  const zone = useZone();
  const query = useQuery(results);
  const [size, setSize] = useState(PAGE);
  return (
    <Page
      title="Computed on ciphertexts"
      lead="Meters encrypt a day at a time. Analytics computes on the ciphertexts without a key; a result opens only when enough aggregators each give their part."
    >
      <Card title="Results, newest window first">
        <QueryView query={query}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="Nothing was computed yet">
                When a day of ciphertexts is complete, sums, means and variances follow. <code>npm run he -- plan</code>{" "}
                says what else fits.
              </Empty>
            ) : (
              <>
                <DataTable
                  caption="Results"
                  rows={items.slice(0, size)}
                  keyOf={({ job }) => job}
                  columns={[
                    { head: "What", cell: ({ job, circuit }) => <Link href={`/analytics/${job}`}>{circuit}</Link> },
                    { head: "Feeders", cell: ({ feeders }) => <Ids of={feeders} /> },
                    {
                      head: "Window from",
                      cell: ({ windowStart }) => <span className="nowrap">{moment(windowStart, zone)}</span>,
                    },
                    { head: "Value", number: true, cell: (result) => <ResultValue result={result} /> },
                    { head: "Homes", number: true, cell: ({ meters }) => count(meters) },
                    {
                      ...{ head: "Error at most", number: true },
                      cell: (result) => orNothing(result.errorBound, (bound) => `${small(bound)} ${unit(result.unit)}`),
                    },
                    {
                      head: "Opened by",
                      cell: ({ openedBy }) => <Ids of={openedBy.map((index) => `a-${index}`)} />,
                    },
                    { head: "Status", cell: (result) => <Status result={result} /> },
                  ]}
                />
                {items.length > size && (
                  <p style={{ marginTop: 34 }}>
                    <Button onClick={() => setSize(size + PAGE)}>Show more</Button>
                  </p>
                )}
              </>
            )
          }
        </QueryView>
      </Card>
    </Page>
  );
}

function Status({ result: { status, reason } }: { readonly result: Result }): ReactNode {
  return (
    <Badge tone={status === "final" ? "good" : "warn"} {...(reason === "" ? {} : { title: reason })}>
      {status}
    </Badge>
  );
}

function OneResult({ job }: { readonly job: string }): ReactNode {
  const query = useQuery(resultQuery(job));
  return (
    <Page
      title={query.data === undefined ? "Result" : `${query.data.circuit} of ${query.data.feeders.join(", ")}`}
      lead={query.data === undefined ? undefined : CIRCUITS[query.data.circuit]}
      actions={
        <Link href="/analytics" className="button">
          All results
        </Link>
      }
    >
      <QueryView
        query={query}
        missing={({ status }) => (status === 404 ? <Empty title="There is no such result" /> : undefined)}
      >
        {(details) => <ResultDetails details={details} />}
      </QueryView>
    </Page>
  );
}

function ResultDetails({ details }: { readonly details: Details }): ReactNode {
  const zone = useZone();
  const main = mainValues(details).filter(({ slotStart }) => slotStart !== null);
  const single = details.values.filter(({ slotStart }) => slotStart === null);
  return (
    <div className="grid">
      <Stats label="The result">
        <Stat label="Homes in it" value={count(details.meters)} note={`${details.slots} slots of each`} />
        <Stat
          label="Error at most"
          {...(details.errorBound === null
            ? { value: "–" }
            : { value: small(details.errorBound), unit: unit(details.unit) })}
          note="by the analysis of the circuit"
        />
        <Stat
          label="Opened by"
          value={details.openedBy.map((index) => `a-${index}`).join(", ")}
          note="each gave one part; no one has the key"
        />
        <Stat
          label="Window from"
          value={moment(details.windowStart, zone).split(",")[0] ?? ""}
          note={`to ${moment(details.windowEnd, zone)}`}
        />
      </Stats>
      <Card title="Values" className="span-8">
        {main.length === 0 ? (
          <Empty title="No values per slot">
            {details.reason === "" ? "This result is about the whole window." : details.reason}
          </Empty>
        ) : (
          <Chart model={valuesChart(details, main, zone)} />
        )}
        {single.length > 0 && (
          <dl className="facts">
            {single.map((value) => (
              <div key={`${value.name} ${value.position}`} style={{ display: "contents" }}>
                <dt>{value.name}</dt>
                <dd>
                  {figure(value.value, 4)} {unit(value.unit)}
                </dd>
              </div>
            ))}
          </dl>
        )}
      </Card>
      <Card
        title="Against the shares"
        className="span-4"
        note="The same totals come by two ways that share no secret: they have to agree within the error."
      >
        {details.checks.length === 0 ? (
          <Empty title="Nothing to compare">
            The loads from shares are about other windows, or this circuit has no counterpart there.
          </Empty>
        ) : (
          details.checks.map((check) => (
            <dl className="facts" key={check.feeders.join()}>
              <dt>Verdict</dt>
              <dd>
                <Badge tone={check.agree === true ? "good" : check.agree === null ? "info" : "bad"}>
                  {check.status}
                </Badge>
              </dd>
              <dt>Slots compared</dt>
              <dd>{count(check.slotsCompared)}</dd>
              <dt>Differing</dt>
              <dd>{count(check.slotsDiffering)}</dd>
              <dt>Largest difference</dt>
              <dd>{orNothing(check.largestDifference, (value) => `${small(value)} ${unit(check.unit)}`)}</dd>
              <dt>Allowed</dt>
              <dd>{orNothing(check.bound, (value) => `${small(value)} ${unit(check.unit)}`)}</dd>
            </dl>
          ))
        )}
      </Card>
    </div>
  );
}

function valuesChart(details: Details, main: Details["values"], zone: string): ChartModel {
  const points = main.map(({ slotStart, value }) => ({ x: slotStart ?? 0, y: value }));
  // Slots follow each other: each number is of the time until the next one.
  const holds = (details.windowEnd - details.windowStart) / details.slots;
  const most = main.reduce((best, value) => (value.value > best.value ? value : best), main[0]!);
  return {
    title: details.circuit,
    summary: `${main.length} values; most: ${figure(most.value)} ${unit(most.unit)} at ${moment(most.slotStart ?? 0, zone)}.`,
    series: [{ name: most.name, kind: "line", points, colour: 1, step: true, holds, area: true }],
    x: timeAxis(zone),
    y: { name: most.name, unit: unit(most.unit), digits: 3, format: (value) => figure(value), fromZero: true },
  };
}
