/** The first page: what the system knows now, and what it cost in privacy. */
import { useQueries, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Item, Schemas } from "../api/client.ts";
import { bills, feeders, loads, logEntries, results, rounds, system } from "../api/queries.ts";
import { useSession } from "../api/session.tsx";
import { Chart } from "../charts/chart.tsx";
import { loadChart } from "../charts/load-model.ts";
import { count, figure, fixed, money, moment, orNothing, percent, period } from "../format.ts";
import { budgetOf } from "../privacy-budget.ts";
import { AlertsCard } from "../parts/alerts-card.tsx";
import { ResultValue } from "../parts/result-value.tsx";
import { RoundRow } from "../parts/round-row.tsx";
import { Ids } from "../ui/ids.tsx";
import { Badge, Card, Empty, Page, Stat, Stats } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

const DAY = 86_400;
/** As many as one can look at; of more only the newest slots are added up. */
const FEEDERS = 12;

export function Overview(): ReactNode {
  const { me } = useSession();
  const staff = me.role !== "customer";
  return (
    <Page
      title="Overview"
      lead="Feeder loads are sums that several aggregators had to agree on. No single reading is known here."
    >
      <div className="grid stretch">
        <Figures />
        <LoadCard />
        {me.role === "customer" ? <OwnBills /> : <OpenRounds />}
        {staff && <AlertsCard />}
        <BudgetCard />
        <ResultsCard staff={staff} />
      </div>
    </Page>
  );
}

function Figures(): ReactNode {
  const zone = useZone();
  const { data } = useQuery(feeders);
  const { data: made } = useQuery(results);
  const items = data?.items ?? [];
  const released = items.filter(({ lastSlot }) => lastSlot !== null);
  const newest = Math.max(...released.map(({ lastSlot }) => lastSlot ?? 0));
  const { data: about } = useQuery(system);
  const now = released.filter(({ lastSlot }) => lastSlot === newest);
  const watts = now.reduce(
    (sum, { lastEnergyWh }) => sum + ((lastEnergyWh ?? 0) * 3_600) / (about?.slotSeconds ?? 900),
    0,
  );
  const meters = now.reduce((sum, { lastMeters }) => sum + (lastMeters ?? 0), 0);
  const agreeing = (made?.items ?? []).filter(({ status }) => status === "final").length;
  return (
    <Stats label="The system now">
      <Stat
        {...{ name: "load", label: "Load of all feeders" }}
        {...(released.length === 0 ? { value: "–" } : { value: figure(watts / 1_000), unit: "kW" })}
        note={
          released.length === 0
            ? "Nothing is released yet"
            : `${moment(newest, zone)}, ${now.length} of ${items.length} feeders`
        }
      />
      <Stat
        label="Homes in that sum"
        value={released.length === 0 ? "–" : count(meters)}
        note={about === undefined ? undefined : `${about.threshold} of ${about.aggregators} aggregators open it`}
      />
      <Stat label="Feeders" value={count(items.length)} note="each released once per slot" />
      <Stat label="Results of ciphertexts" value={count(agreeing)} note="the newest 100 jobs looked at" />
    </Stats>
  );
}

function LoadCard(): ReactNode {
  const zone = useZone();
  const query = useQuery(feeders);
  const items = (query.data?.items ?? []).slice(0, FEEDERS);
  const newest = Math.max(0, ...items.map(({ lastSlot }) => lastSlot ?? 0));
  const to = newest + DAY / 96;
  const rows = useQueries({
    queries: items.map(({ feeder }) => ({ ...loads(feeder, to - DAY, to), enabled: newest > 0 })),
  });
  const known = items.map(({ feeder }, i) => ({ feeder, rows: rows[i]?.data?.items ?? [] }));
  return (
    <Card
      title="Load, last 24 hours"
      className="span-8"
      aside={<Badge title="Exact sums: no noise was added, and no privacy budget covers them">Exact</Badge>}
    >
      <QueryView query={query}>
        {() =>
          newest === 0 ? (
            <Empty title="No feeder load is released yet">
              A load is released when at least the least number of meters of a feeder have reported a slot.
            </Empty>
          ) : (
            <Chart model={loadChart(known, zone)} height={280} />
          )
        }
      </QueryView>
    </Card>
  );
}

function OpenRounds(): ReactNode {
  const query = useQuery(rounds("open", 5));
  const all = useQuery(rounds(undefined, 4));
  return (
    <Card title="Rounds in progress" className="span-4" aside={<Link href="/rounds">All rounds</Link>}>
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <>
              <p className="muted small" style={{ marginBottom: 12 }}>
                None is open now. The newest ones:
              </p>
              <RoundList items={all.data?.items ?? []} />
            </>
          ) : (
            <RoundList items={items} />
          )
        }
      </QueryView>
    </Card>
  );
}

function RoundList({ items }: { readonly items: readonly Item<"listRounds">[] }): ReactNode {
  if (items.length === 0) return <Empty title="There was no round yet" />;
  return (
    <ul className="list">
      {items.map((round) => (
        <RoundRow key={round.id} round={round} />
      ))}
    </ul>
  );
}

function OwnBills(): ReactNode {
  const query = useQuery(bills);
  return (
    <Card title="Your newest bills" className="span-4" aside={<Link href="/bills">All bills</Link>}>
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="There is no bill yet">
              A bill comes when its period is over and the aggregators have answered.
            </Empty>
          ) : (
            <ul className="list">
              {items.slice(0, 5).map((bill) => (
                <BillRow key={`${bill.meter} ${bill.periodStart}`} bill={bill} />
              ))}
            </ul>
          )
        }
      </QueryView>
    </Card>
  );
}

function BillRow({ bill }: { readonly bill: Schemas["BillHead"] }): ReactNode {
  return (
    <li>
      <span className="grow">
        {period(bill.periodStart, bill.periodEnd)}
        <br />
        <span className="muted small nowrap">{bill.meter}</span>
      </span>
      <strong>{orNothing(bill.amountMicro, (micro) => money(micro, bill.currency))}</strong>
    </li>
  );
}

/** What homes that learn together have spent, as the log has it. */
function BudgetCard(): ReactNode {
  const zone = useZone();
  const query = useQuery(logEntries("budget", 1));
  const { data: about } = useQuery(system);
  return (
    <Card title="Privacy budget" className="span-4" aside={<Link href="/learning">Learning</Link>}>
      <QueryView query={query}>
        {({ items: [entry] }) => {
          const limit = about?.epsilonBudget ?? 0;
          const spent = entry === undefined ? undefined : budgetOf(entry.content);
          if (entry === undefined || spent === undefined) {
            return (
              <Empty title="Nothing is spent">
                Homes of this system have not learned together; each may spend ε = {limit}.{" "}
                <Link href="/learning">Learning</Link> says how they do.
              </Empty>
            );
          }
          const share = limit === 0 ? 0 : spent.epsilon / limit;
          return (
            <>
              <p>
                <strong>ε = {fixed(spent.epsilon, 3)}</strong> of {limit} ({percent(share, 0)}), at δ = 10
                <sup>−{spent.deltaExponent}</sup>
              </p>
              <div
                className="meter"
                role="meter"
                aria-label="Privacy budget spent"
                aria-valuenow={Math.round(share * 100)}
                aria-valuemin={0}
                aria-valuemax={100}
              >
                <span style={{ width: `${Math.round(100 * Math.min(1, share))}%` }} />
              </div>
              <p className="muted small">In the log since {moment(entry.time, zone)}.</p>
            </>
          );
        }}
      </QueryView>
    </Card>
  );
}

function ResultsCard({ staff }: { readonly staff: boolean }): ReactNode {
  const zone = useZone();
  const query = useQuery(results);
  return (
    <Card
      title="Computed on ciphertexts"
      className={staff ? "span-4" : "span-8"}
      aside={<Link href="/analytics">All results</Link>}
    >
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing was computed yet">
              Meters send a day as one ciphertext. When a day is complete analytics computes, and aggregators open the
              result.
            </Empty>
          ) : (
            <ul className="list">
              {items.slice(0, 3).map((result) => (
                <li key={result.job}>
                  <span className="grow">
                    <strong>{result.circuit}</strong> of <Ids of={result.feeders} />: <ResultValue result={result} />
                    <br />
                    <span className="muted small">
                      {moment(result.windowStart, zone)}, {count(result.meters)} homes, opened by aggregators{" "}
                      {result.openedBy.join(" and ")}
                    </span>
                  </span>
                  <Badge tone={result.status === "final" ? "good" : "warn"}>{result.status}</Badge>
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
    </Card>
  );
}
