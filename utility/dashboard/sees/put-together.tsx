/** Lets one put shares of the reading together, as colluding aggregators would: worked out here, from the real shares. */
import { type ReactNode, useState } from "react";
import { count } from "../format.ts";
import { Badge, Card } from "../ui/parts.tsx";
import { readingOf } from "./open-shares.ts";
import type { Showcase } from "./story.ts";

export function PutTogether({ showcase }: { readonly showcase: Showcase }): ReactNode {
  const { parts, threshold } = showcase;
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const toggle = (name: string): void =>
    setChosen(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  const held = parts.flatMap(({ aggregator, shares: [share] }, i) =>
    chosen.includes(aggregator) && share !== undefined ? [{ x: i + 1, share: BigInt(share) }] : [],
  );
  const reading = readingOf(held, threshold);
  return (
    <Card
      title="What if aggregators colluded?"
      note="Choose whose shares are put together. Your browser works out what follows from them; in the system nobody does this to a reading."
    >
      <div className="actions" role="group" aria-label="Aggregators that collude">
        {parts.map(({ aggregator }) => (
          <label key={aggregator} className="choice">
            <input type="checkbox" checked={chosen.includes(aggregator)} onChange={() => toggle(aggregator)} />
            {aggregator}
          </label>
        ))}
      </div>
      <p aria-live="polite" style={{ marginTop: 14 }}>
        {held.length === 0 ? (
          <span className="muted">Nobody has put anything together.</span>
        ) : reading === undefined ? (
          <>
            <Badge tone="good">Nothing is learned</Badge> {held.length} of {threshold} that it takes: every reading fits
            equally well.
          </>
        ) : (
          <>
            <Badge tone="bad">The reading is open</Badge> {held.length} shares give{" "}
            <strong>{count(Number(reading))} Wh</strong>. That is why aggregators belong to different owners.
          </>
        )}
      </p>
    </Card>
  );
}
