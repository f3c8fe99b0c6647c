/** Open alerts in the order in which somebody has to look at them: what one rule says of many elements is one entry. */
import type { Item } from "../api/client.ts";

type Alert = Item<"listAlerts">;
type Grouped = Pick<
  Alert,
  "id" | "rule" | "severity" | "state" | "element" | "text" | "since" | "worst" | "above" | "below"
>;

export interface AlertGroup<A extends Grouped = Alert> {
  readonly key: string;
  /** The furthest beyond its limit first. */
  readonly alerts: readonly [A, ...A[]];
  readonly since: number;
}

const SEVERITIES: readonly Alert["severity"][] = ["critical", "warning", "info"];
/** What nobody has seen to comes first; what is silenced was looked at, and is to be quiet. */
const STATES: readonly Alert["state"][] = ["firing", "acknowledged", "silenced", "pending", "resolved"];

/** The worst first: by severity, then by state, then the newest. */
export function alertGroups<A extends Grouped>(alerts: readonly A[]): readonly AlertGroup<A>[] {
  const byKey = new Map<string, [A, ...A[]]>();
  for (const alert of alerts) {
    const key = `${alert.rule} ${alert.state}`;
    const others = byKey.get(key);
    if (others === undefined) byKey.set(key, [alert]);
    else others.push(alert);
  }
  return [...byKey]
    .map(([key, own]): AlertGroup<A> => {
      own.sort((a, b) => beyond(b) - beyond(a) || (a.element < b.element ? -1 : 1));
      return { key, alerts: own, since: Math.min(...own.map(({ since }) => since)) };
    })
    .toSorted(
      ({ alerts: [a], since: sinceA }, { alerts: [b], since: sinceB }) =>
        SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
        STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
        sinceB - sinceA,
    );
}

function beyond({ worst, above, below }: Grouped): number {
  return below === null ? worst - (above ?? 0) : below - worst;
}

/** "and 13 more buses"; nothing for one alone. */
export function othersOf({ alerts }: AlertGroup<Grouped>): string {
  const [{ element }, ...others] = alerts;
  if (others.length === 0) return "";
  const [kind = ""] = element.split(":");
  const plain = others.length === 1 || !KINDS.has(kind) ? kind : kind + (/(s|ch)$/.test(kind) ? "es" : "s");
  return `and ${others.length} more${KINDS.has(kind) ? ` ${plain}` : ""}`;
}

const KINDS: ReadonlySet<string> = new Set(["bus", "branch", "feeder", "sensor", "aggregator", "account"]);

/** How many wait for somebody, and how bad the worst of them is. */
export function waiting(alerts: readonly Pick<Alert, "state" | "severity">[]): {
  readonly count: number;
  readonly severity: Alert["severity"] | undefined;
} {
  const firing = alerts.filter(({ state }) => state === "firing");
  return {
    count: firing.length,
    severity: SEVERITIES.find((severity) => firing.some((one) => one.severity === severity)),
  };
}
