/** Rules of alerts in force, and how their severities and units are shown. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Item } from "../api/client.ts";
import { alertRules } from "../api/queries.ts";
import { duration, figure, unitText } from "../format.ts";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Card, type Tone } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";

export const SEVERITIES: Record<Item<"listAlerts">["severity"], Tone> = {
  info: "info",
  warning: "warn",
  critical: "bad",
};

/** A count has no unit. */
export function unitOf(unit: string): string {
  return unit === "1" ? "" : unitText(unit);
}

export function AlertRules(): ReactNode {
  const query = useQuery(alertRules);
  return (
    <Card title="Rules">
      <QueryView query={query}>
        {({ items }) => (
          <details>
            <summary>{items.length} rules are in force</summary>
            <div style={{ height: 10 }} />
            <DataTable
              inset
              caption="Rules in force"
              rows={items}
              keyOf={({ name }) => name}
              columns={[
                { head: "Rule", cell: ({ name, about }) => <span title={about}>{name}</span> },
                {
                  head: "Fires",
                  cell: ({ above, below, unit, forSeconds }) =>
                    `${above === null ? `below ${figure(below ?? 0)}` : `above ${figure(above)}`} ${unitOf(unit)}${forSeconds > 0 ? `, for ${duration(forSeconds)}` : ""}`,
                },
                {
                  head: "Severity",
                  onlyWide: true,
                  cell: ({ severity }) => <Badge tone={SEVERITIES[severity]}>{severity}</Badge>,
                },
              ]}
            />
          </details>
        )}
      </QueryView>
    </Card>
  );
}
