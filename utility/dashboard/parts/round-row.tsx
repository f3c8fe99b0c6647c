/** A round in a list: what it is about and how far it is. */
import type { ReactNode } from "react";
import type { Item } from "../api/client.ts";
import { moment } from "../format.ts";
import { Id } from "../ui/ids.tsx";
import { Badge } from "../ui/parts.tsx";
import { useZone } from "../ui/use-zone.ts";
import { roundAbout, roundWord } from "./round-state.ts";

type Round = Item<"listRounds">;

export const PURPOSES: Record<string, string> = {
  load: "Feeder load",
  billing: "Bills",
  balance: "Energy balance",
  vector: "Learning",
};

/** The word of a round, with a sign; what more there is to say stands behind it. */
export function RoundBadge({ round }: { readonly round: Round }): ReactNode {
  const { tone, word, why } = roundWord(round);
  return (
    <Badge
      tone={tone}
      {...(round.status === "open" ? { icon: "clock" as const } : {})}
      {...(why === undefined ? {} : { title: why })}
    >
      {word}
    </Badge>
  );
}

export function RoundRow({ round }: { readonly round: Round }): ReactNode {
  const zone = useZone();
  const { of, from, asked } = roundAbout(round);
  return (
    <li>
      <span className="grow">
        {PURPOSES[round.purpose] ?? round.purpose} {asked ? "round" : "of"} <Id>{of}</Id>
        <br />
        <span className="muted small">
          {asked ? "asked" : "about"} {moment(from, zone)}
        </span>
      </span>
      <RoundBadge round={round} />
    </li>
  );
}
