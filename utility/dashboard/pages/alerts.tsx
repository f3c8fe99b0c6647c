/** Alerts: what is wrong, who has seen to it, and what was done. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "wouter";
import type { Answer, Item } from "../api/client.ts";
import { alert as alertQuery, alerts, openAlerts, system } from "../api/queries.ts";
import { duration, measured, moment } from "../format.ts";
import { AlertActions } from "../parts/alert-actions.tsx";
import { type AlertGroup, alertGroups, othersOf } from "../parts/alert-groups.ts";
import { AlertRules, limitText, SEVERITIES } from "../parts/alert-rules.tsx";
import { isOver, isPending } from "../parts/alert-state.ts";
import { Command } from "../ui/command.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Card, Empty, Notice, Page, type Tone } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

type Alert = Item<"listAlerts">;

const STATES: Record<Alert["state"], Tone> = {
  pending: "plain",
  firing: "bad",
  acknowledged: "info",
  silenced: "plain",
  resolved: "good",
};
/** Line 7 of the demonstration's grid, from the first scan on; tests/grid plays the same. */
const FIRES = `npm run fleet -- --keep-running --set 'grid.events=[{"type":"outage","element":7,"fromScan":0,"scans":10000}]'`;

export function Alerts(): ReactNode {
  const { "*": rest } = useParams();
  return rest === undefined || rest === "" ? <AllAlerts /> : <OneAlert id={rest} />;
}

function AllAlerts(): ReactNode {
  const query = useQuery(alerts);
  const open = useQuery(openAlerts);
  return (
    <Page
      title="Alerts"
      lead="By rules with a limit, a duration and a way back. To acknowledge says that somebody sees to it; to silence keeps it quiet for a time."
    >
      <div className="grid">
        <Card title="Open">
          <QueryView query={open}>
            {({ items }) =>
              items.length === 0 ? (
                <Empty title="Nothing is wrong">
                  Alerts that fire appear here by themselves. To see one, let a line of a simulated grid fail:{" "}
                  <Command>{FIRES}</Command>.
                </Empty>
              ) : (
                <OpenTable groups={alertGroups(items)} />
              )
            }
          </QueryView>
        </Card>
        <Pending />
        <Card title="History">
          <QueryView query={query}>
            {({ items }) => {
              const over = items.filter(isOver);
              return over.length === 0 ? (
                <Empty title="Nothing has passed yet" />
              ) : (
                <AlertTable items={over} kind="past" />
              );
            }}
          </QueryView>
        </Card>
        <AlertRules />
      </div>
    </Page>
  );
}

/** Shown only where there are some: most limits are passed and left again within the time that a rule allows. */
function Pending(): ReactNode {
  const { data } = useQuery(alerts);
  const pending = (data?.items ?? []).filter(isPending);
  if (pending.length === 0) return null;
  return (
    <Card
      title="Pending"
      note="Beyond the limit, and not yet for as long as the rule says. Nobody is told; one that comes back in time leaves no trace."
    >
      <AlertTable items={pending} kind="pending" />
    </Card>
  );
}

/** The worst first; what one rule says of many elements is one row. */
function OpenTable({ groups }: { readonly groups: readonly AlertGroup[] }): ReactNode {
  const zone = useZone();
  return (
    <DataTable
      caption="Open alerts"
      rows={groups}
      keyOf={({ key }) => key}
      columns={[
        {
          head: "Severity",
          cell: ({ alerts: [{ severity }] }) => <Badge tone={SEVERITIES[severity]}>{severity}</Badge>,
        },
        { head: "What", cell: (group) => <What group={group} /> },
        { head: "Since", cell: ({ since }) => <span className="nowrap">{moment(since, zone)}</span> },
        { head: "State", cell: ({ alerts: [{ state }] }) => <Badge tone={STATES[state]}>{state}</Badge> },
        { head: "Do", cell: ({ alerts: own }) => <AlertActions alerts={own} /> },
      ]}
    />
  );
}

function What({ group }: { readonly group: AlertGroup }): ReactNode {
  const [worst, ...others] = group.alerts;
  return (
    <>
      <Link href={`/alerts/${worst.id}`}>{worst.text}</Link>
      {others.length > 0 && (
        <details className="small">
          <summary>{othersOf(group)}</summary>
          <ul className="plain">
            {others.map(({ id, text }) => (
              <li key={id}>
                <Link href={`/alerts/${id}`}>{text}</Link>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

type Kind = "pending" | "past";
const CAPTIONS: Record<Kind, string> = {
  pending: "Alerts that may fire",
  past: "Alerts that are over",
};

function AlertTable({ items, kind }: { readonly items: readonly Alert[]; readonly kind: Kind }): ReactNode {
  const zone = useZone();
  return (
    <DataTable
      caption={CAPTIONS[kind]}
      rows={items}
      keyOf={({ id }) => id}
      columns={[
        { head: "Severity", cell: ({ severity }) => <Badge tone={SEVERITIES[severity]}>{severity}</Badge> },
        { head: "What", cell: ({ id, text }) => <Link href={`/alerts/${id}`}>{text}</Link> },
        { head: "Since", cell: ({ since }) => <span className="nowrap">{moment(since, zone)}</span> },
        ...(kind === "past"
          ? [
              {
                head: "Lasted",
                cell: ({ since, until }: Alert) => (until === null ? "–" : duration(until - since)),
              },
            ]
          : []),
        { head: "State", cell: ({ state }) => <Badge tone={STATES[state]}>{state}</Badge> },
      ]}
    />
  );
}

function OneAlert({ id }: { readonly id: string }): ReactNode {
  const query = useQuery(alertQuery(id));
  return (
    <Page
      title="Alert"
      lead={query.data?.text}
      actions={
        <Link href="/alerts" className="button">
          All alerts
        </Link>
      }
    >
      <QueryView
        query={query}
        missing={({ status }) =>
          status === 404 || status === 400 ? <Empty title="There is no such alert" /> : undefined
        }
      >
        {(alert) => <AlertDetails alert={alert} />}
      </QueryView>
    </Page>
  );
}

function AlertDetails({ alert }: { readonly alert: Answer<"getAlert"> }): ReactNode {
  const zone = useZone();
  const { severity, state, value, worst, unit, since, until, rule, element, silencedUntil, history } = alert;
  const limit = limitText(alert);
  const simulated = useQuery(system).data?.simulated === true;
  return (
    <div className="grid">
      <Card
        title={element.replace(":", " ")}
        className="span-6"
        aside={
          <>
            <Badge tone={SEVERITIES[severity]}>{severity}</Badge>
            <Badge tone={STATES[state]}>{state}</Badge>
          </>
        }
      >
        <dl className="facts" style={{ marginBottom: 16 }}>
          <dt>{state === "resolved" ? "At its end" : "Now"}</dt>
          <dd>{measured(value, unit)}</dd>
          <dt>Worst</dt>
          <dd>{measured(worst, unit)}</dd>
          {limit !== undefined && (
            <>
              <dt>Fires</dt>
              <dd>{limit}</dd>
            </>
          )}
          <dt>Since</dt>
          <dd>{moment(since, zone)}</dd>
          {until !== null && (
            <>
              <dt>Until</dt>
              <dd>{moment(until, zone)}</dd>
            </>
          )}
          {simulated && (
            <>
              <dt />
              <dd className="muted small">in simulated time, as the values are</dd>
            </>
          )}
          <dt>Rule</dt>
          <dd>{rule}</dd>
        </dl>
        {silencedUntil !== null && state === "silenced" && <Notice>Silent until {moment(silencedUntil, zone)}.</Notice>}
        <AlertActions alerts={[alert]} open />
      </Card>
      <Card
        title="What was done"
        className="span-6"
        {...(simulated ? { note: "Dated by the clock on the wall, not by the simulated one." } : {})}
      >
        {history.length === 0 && (
          <Empty title="Nothing yet">
            {state === "pending" ? "It has not fired: nobody has been told of it." : ""}
          </Empty>
        )}
        <ul className="list">
          {history.map(({ at, change, account, comment }) => (
            <li key={`${at} ${change}`}>
              <span className="grow">
                <strong>{change}</strong>
                {account === null ? "" : ` by ${account}`}
                {comment === "" ? "" : `: ${comment}`}
              </span>
              <span className="muted small">{moment(at, zone)}</span>
            </li>
          ))}
        </ul>
      </Card>
    </div>
  );
}
