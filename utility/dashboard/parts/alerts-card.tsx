/** What has to be looked at first, for the first page. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { alerts, openAlerts } from "../api/queries.ts";
import { count } from "../format.ts";
import { Badge, Card, Empty } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { alertGroups, othersOf } from "./alert-groups.ts";
import { isPending } from "./alert-state.ts";

const SHOWN_ALERTS = 4;

export function AlertsCard(): ReactNode {
  const query = useQuery(openAlerts);
  const pending = (useQuery(alerts).data?.items ?? []).filter(isPending).length;
  return (
    <Card title="Open alerts" className="span-4" aside={<Link href="/alerts">All alerts</Link>}>
      <QueryView query={query}>
        {({ items }) => {
          const groups = alertGroups(items);
          if (groups.length === 0) {
            return pending === 0 ? (
              <Empty title="Nothing is wrong">No value is beyond the limit of a rule now.</Empty>
            ) : (
              <Empty title="No alert fires">
                {pending === 1 ? "One value is" : `${count(pending)} values are`} beyond the limit, not yet for as long
                as the rule says: <Link href="/alerts">pending</Link>.
              </Empty>
            );
          }
          return (
            <>
              <ul className="list">
                {groups.slice(0, SHOWN_ALERTS).map((group) => {
                  const [{ id, text, severity, state }] = group.alerts;
                  return (
                    <li key={group.key}>
                      <span className="grow">
                        <Link href={`/alerts/${id}`}>{text}</Link>{" "}
                        <span className="muted small">{othersOf(group)}</span>
                      </span>
                      <Badge tone={severity === "critical" ? "bad" : "warn"}>
                        {severity === "critical" && state === "firing" ? severity : state}
                      </Badge>
                    </li>
                  );
                })}
              </ul>
              {groups.length > SHOWN_ALERTS && (
                <p className="muted small" style={{ marginTop: 10 }}>
                  The worst {SHOWN_ALERTS} of {groups.length} kinds.
                </p>
              )}
            </>
          );
        }}
      </QueryView>
    </Card>
  );
}
