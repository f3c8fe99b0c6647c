/** The parties in a row, each with what it holds at this step; a dot runs to whoever gets something. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { bill as billQuery, bills, loads } from "../api/queries.ts";
import { useRole } from "../api/session.tsx";
import { bytes, count, exactEnergy, money, text } from "../format.ts";
import { Curve } from "./curve.tsx";
import { PARTIES, type Party, type Showcase, type Step } from "./story.ts";

export interface PartyCardsProps {
  readonly showcase: Showcase;
  /** Steps done, from 0. */
  readonly at: number;
  readonly step: Step;
  readonly parties: readonly Party[];
}

const NAMES: Record<Party, string> = {
  home: "Home",
  broker: "Broker",
  aggregators: "Aggregators",
  utility: "Utility",
  everyone: "Everyone",
};

export function PartyCards({ showcase, at, step, parties }: PartyCardsProps): ReactNode {
  const [from, to] = [PARTIES.indexOf(step.at), step.to === undefined ? -1 : PARTIES.indexOf(step.to)];
  return (
    <div className="parties">
      {parties.map((party, i) => {
        const active = step.at === party || step.to === party;
        return (
          <section key={party} className="party" data-active={active} data-party={party} aria-label={NAMES[party]}>
            <h3>{NAMES[party]}</h3>
            <Held party={party} showcase={showcase} at={at} />
            {to > from && i >= from && i < to && <span key={at} className="party-flow" aria-hidden="true" />}
          </section>
        );
      })}
    </div>
  );
}

function Held({
  party,
  showcase,
  at,
}: {
  readonly party: Party;
  readonly showcase: Showcase;
  readonly at: number;
}): ReactNode {
  const { readingsWh, parts } = showcase;
  switch (party) {
    case "home":
      return (
        <>
          <Item name="Its reading">
            <strong>{readingsWh.map((wattHours) => `${count(wattHours)} Wh`).join(", ")}</strong>
          </Item>
          {at >= 1 && (
            <Item name="On a curve (an illustration)">
              <Curve n={parts.length} />
            </Item>
          )}
          {at >= 6 && <OwnBill showcase={showcase} />}
        </>
      );
    case "broker":
      if (at < 2) return <Nothing />;
      return parts.map(({ aggregator, bytes: size, prefix, sealed, topic }) => (
        <Item key={aggregator} name={`For ${aggregator}, ${text(bytes(size))}`}>
          <code className="hex" title={`${topic}: begins with ${prefix}, which says only how it is sealed`}>
            …{sealed}
          </code>
        </Item>
      ));
    case "aggregators":
      if (at < 3) return <Nothing />;
      return parts.map(({ aggregator, shares }) => (
        <Item key={aggregator} name={`${aggregator} alone holds`}>
          <code className="hex">{shares[0]}</code>
        </Item>
      ));
    case "utility":
      return at < 4 ? <Nothing /> : <Total showcase={showcase} known={at >= 5} />;
    case "everyone":
      return at < 5 ? <Nothing /> : <Total showcase={showcase} known />;
  }
}

function Nothing(): ReactNode {
  return <p className="muted small">nothing of it yet</p>;
}

function Item({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactNode {
  return (
    <div className="held">
      <span className="muted small">{name}</span>
      <div>{children}</div>
    </div>
  );
}

/** The released load of the home's feeder in that slot. */
function Total({ showcase, known }: { readonly showcase: Showcase; readonly known: boolean }): ReactNode {
  const { feeder, slotStart, slotSeconds, parts } = showcase;
  const query = useQuery(loads(feeder, slotStart, slotStart + slotSeconds));
  const row = query.data?.items.find((load) => load.slotStart === slotStart);
  if (!known) {
    return (
      <Item name="From each aggregator">
        one sum over {row === undefined || row.meters === 0 ? "all homes of the feeder" : `${count(row.meters)} homes`}:{" "}
        {parts.length} numbers
      </Item>
    );
  }
  return (
    <Item name={`Load of ${feeder} in this slot`}>
      {row === undefined || row.energyWh === null ? (
        <span className="muted">
          {row === undefined ? "not released yet: it comes with the feeder's next round" : row.status}
        </span>
      ) : (
        <>
          <strong>{count(row.energyWh)} Wh</strong> of {count(row.meters)} homes
        </>
      )}
    </Item>
  );
}

function OwnBill({ showcase }: { readonly showcase: Showcase }): ReactNode {
  const role = useRole();
  const may = role === "customer" || role === "auditor";
  const list = useQuery({ ...bills, enabled: may });
  const newest = list.data?.items.find(({ meter, status }) => meter === showcase.meter && status === "final");
  const query = useQuery({ ...billQuery(showcase.meter, newest?.periodStart ?? ""), enabled: newest !== undefined });
  const bill = query.data?.versions.at(-1);
  if (!may)
    return (
      <Item name="Its bill">
        not for {role === "operator" ? "an" : "the"} {role}: running the grid takes no bill
      </Item>
    );
  if (bill === undefined) return <Item name="Its bill">there is none yet</Item>;
  return (
    <Item name={`Bill from ${bill.periodStart}`}>
      {bill.rows
        .filter(({ energyWh }) => energyWh > 0)
        .map(({ band, energyWh }) => (
          <div key={band}>
            {band}: {exactEnergy(energyWh)}
          </div>
        ))}
      <strong>{bill.amountMicro === null ? "" : money(bill.amountMicro, bill.currency)}</strong>
    </Item>
  );
}
