/** A round in a list: what it is about and how far it is. */
import type { ReactNode } from "react";
import type { Item } from "../api/client.ts";
import { moment } from "../format.ts";
import { Badge, type Tone } from "../ui/parts.tsx";
import { useZone } from "../ui/use-zone.ts";

type Round = Item<"listRounds">;

export const PURPOSES: Record<string, string> = {
  load: "Feeder load",
  billing: "Bills",
  balance: "Energy balance",
  vector: "Learning",
};

export function roundTone(status: string): Tone {
  if (status === "final") return "good";
  return status === "open" || status === "waiting" ? "info" : "bad";
}

export function RoundRow({ round }: { readonly round: Round }): ReactNode {
  const zone = useZone();
  return (
    <li>
      <span className="grow">
        {PURPOSES[round.purpose] ?? round.purpose} of {round.feeder}
        <br />
        <span className="muted small">about {moment(round.from, zone)}</span>
      </span>
      <Badge tone={roundTone(round.status)} {...(round.status === "open" ? { icon: "clock" as const } : {})}>
        {round.status}
      </Badge>
    </li>
  );
}
