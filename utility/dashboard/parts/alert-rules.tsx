/** Rules of alerts in force, and how their severities and units are shown. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Item } from "../api/client.ts";
import { alertRules } from "../api/queries.ts";
import { duration, measured } from "../format.ts";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Card, type Tone } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";

export const SEVERITIES: Record<Item<"listAlerts">["severity"], Tone> = {
  info: "info",
  warning: "warn",
  critical: "bad",
};

type Limits = Pick<Item<"listAlerts">, "above" | "below" | "unit">;

/** "below 0.95 p.u."; nothing of a rule that is gone. */
export function limitText({ above, below, unit }: Limits): string | undefined {
  if (above !== null) return `above ${measured(above, unit)}`;
  return below === null ? undefined : `below ${measured(below, unit)}`;
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
                  cell: (rule) =>
                    `${limitText(rule) ?? ""}${rule.forSeconds > 0 ? `, for ${duration(rule.forSeconds)}` : ""}`,
                },
                {
                  head: "Severity",
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
