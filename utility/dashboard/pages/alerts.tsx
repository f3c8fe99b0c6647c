/** Alerts: what is wrong, who has seen to it, and what was done. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link, useParams } from "wouter";
import { type Answer, answered, ApiError, client, type Item } from "../api/client.ts";
import { alert as alertQuery, alerts } from "../api/queries.ts";
import { useRole } from "../api/session.tsx";
import { duration, figure, moment } from "../format.ts";
import { AlertRules, SEVERITIES, unitOf } from "../parts/alert-rules.tsx";
import { isOpen, isOver, isPending } from "../parts/alert-state.ts";
import { Command } from "../ui/command.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Button, Card, Empty, Notice, Page, type Tone } from "../ui/parts.tsx";
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
const HOUR = 3_600;
/** Line 7 of the demonstration's grid, from the first scan on; tests/grid plays the same. */
const FIRES = `npm run fleet -- --keep-running --set 'grid.events=[{"type":"outage","element":7,"fromScan":0,"scans":10000}]'`;

export function Alerts(): ReactNode {
  const { "*": rest } = useParams();
  return rest === undefined || rest === "" ? <AllAlerts /> : <OneAlert id={rest} />;
}

function AllAlerts(): ReactNode {
  const query = useQuery(alerts);
  return (
    <Page
      title="Alerts"
      lead="By rules with a limit, a duration and a way back. To acknowledge says that somebody sees to it; to silence keeps it quiet for a time."
    >
      <div className="grid">
        <Card title="Open">
          <QueryView query={query}>
            {({ items }) => {
              const open = items.filter(isOpen);
              return open.length === 0 ? (
                <Empty title="Nothing is wrong">
                  Alerts that fire appear here by themselves. To see one, let a line of a simulated grid fail:{" "}
                  <Command>{FIRES}</Command>.
                </Empty>
              ) : (
                <AlertTable items={open} kind="open" />
              );
            }}
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

type Kind = "open" | "pending" | "past";
const CAPTIONS: Record<Kind, string> = {
  open: "Open alerts",
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
        { head: "Since", onlyWide: true, cell: ({ since }) => <span className="nowrap">{moment(since, zone)}</span> },
        ...(kind === "past"
          ? [
              {
                ...{ head: "Lasted", onlyWide: true },
                cell: ({ since, until }: Alert) => (until === null ? "–" : duration(until - since)),
              },
            ]
          : []),
        { head: "State", cell: ({ state }) => <Badge tone={STATES[state]}>{state}</Badge> },
        ...(kind === "open" ? [{ head: "Do", cell: (item: Alert) => <Actions alert={item} /> }] : []),
      ]}
    />
  );
}

type Act = "acknowledge" | "silence" | "unsilence";

function useAct(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (act: Act): Promise<unknown> => {
      const params = { path: { id } };
      if (act === "acknowledge")
        return answered(client.POST("/alerts/{id}/acknowledge", { params, body: { comment: "" } }));
      if (act === "unsilence") return answered(client.DELETE("/alerts/{id}/silence", { params }));
      return answered(client.POST("/alerts/{id}/silence", { params, body: { seconds: HOUR, comment: "" } }));
    },
    onSuccess: async () => queries.invalidateQueries({ queryKey: ["alerts"] }),
  });
}

function Actions({ alert }: { readonly alert: Pick<Alert, "id" | "state" | "text"> }): ReactNode {
  const role = useRole();
  const { mutate, isPending, error } = useAct(alert.id);
  if (role === "auditor") return <span className="muted small">looks only</span>;
  return (
    <span className="actions">
      {alert.state === "firing" && (
        <Button
          size="small"
          disabled={isPending}
          label={`Acknowledge: ${alert.text}`}
          onClick={() => mutate("acknowledge")}
        >
          Acknowledge
        </Button>
      )}
      {(alert.state === "firing" || alert.state === "acknowledged") && (
        <Button
          size="small"
          disabled={isPending}
          label={`Silence 1 h: ${alert.text}`}
          onClick={() => mutate("silence")}
        >
          Silence 1 h
        </Button>
      )}
      {alert.state === "silenced" && (
        <Button
          size="small"
          disabled={isPending}
          label={`End silence: ${alert.text}`}
          onClick={() => mutate("unsilence")}
        >
          End silence
        </Button>
      )}
      {error !== null && <span className="small">{error instanceof ApiError ? error.message : "It failed."}</span>}
    </span>
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
          <dt>Now</dt>
          <dd>
            {figure(value, 4)} {unitOf(unit)}
          </dd>
          <dt>Worst</dt>
          <dd>
            {figure(worst, 4)} {unitOf(unit)}
          </dd>
          <dt>Since</dt>
          <dd>{moment(since, zone)}</dd>
          {until !== null && (
            <>
              <dt>Until</dt>
              <dd>{moment(until, zone)}</dd>
            </>
          )}
          <dt>Rule</dt>
          <dd>{rule}</dd>
        </dl>
        {silencedUntil !== null && state === "silenced" && <Notice>Silent until {moment(silencedUntil, zone)}.</Notice>}
        <Actions alert={alert} />
      </Card>
      <Card title="What was done" className="span-6">
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
