/** Bills, row by row, with receipts that this browser checks by itself. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, useParams } from "wouter";
import type { Answer, Schemas } from "../api/client.ts";
import { bill as billQuery, bills } from "../api/queries.ts";
import { useRole } from "../api/session.tsx";
import { exactEnergy, money, moment, orNothing, period } from "../format.ts";
import { ReceiptCard } from "../receipts/receipt-card.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Id } from "../ui/ids.tsx";
import { Badge, Card, Empty, Page, Stat, Stats } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

type Bill = Answer<"getBill">["versions"][number];

export function Bills(): ReactNode {
  const { "*": rest } = useParams();
  const [meter, start] = (rest ?? "").split("/");
  if (meter !== undefined && start !== undefined) return <OneBill meter={meter} start={start} />;
  return <AllBills />;
}

function AllBills(): ReactNode {
  const role = useRole();
  const query = useQuery(bills);
  const [filter, setFilter] = useState("");
  return (
    <Page
      title="Billing"
      lead="A bill is worked out from one sum per price band, which the aggregators opened together. The readings behind it stay unknown."
    >
      <Card
        title={role === "customer" ? "Your bills" : "All bills"}
        aside={
          role === "customer" ? undefined : (
            <label className="field inline">
              <span>Meter</span>
              <input value={filter} onChange={(event) => setFilter(event.target.value)} placeholder="m-001" size={10} />
            </label>
          )
        }
      >
        <QueryView query={query}>
          {({ items, next }) => {
            const shown = items.filter(({ meter }) => meter.includes(filter.trim()));
            if (shown.length === 0) {
              return (
                <Empty title={items.length === 0 ? "There is no bill yet" : "No bill of such a meter"}>
                  {items.length === 0
                    ? "A bill comes when its period is over and the aggregators have answered."
                    : "Clear the field to see all."}
                </Empty>
              );
            }
            return (
              <>
                <BillTable items={shown} oneMeter={new Set(items.map(({ meter }) => meter)).size === 1} />
                {next !== null && (
                  <p className="muted small" style={{ marginTop: 28 }}>
                    The newest {items.length} bills. The interface has the others: <code>/bills</code>.
                  </p>
                )}
              </>
            );
          }}
        </QueryView>
      </Card>
    </Page>
  );
}

interface BillTableProps {
  readonly items: readonly Schemas["BillHead"][];
  readonly oneMeter: boolean;
}

function BillTable({ items, oneMeter }: BillTableProps): ReactNode {
  return (
    <DataTable
      caption="Bills"
      rows={items}
      keyOf={({ meter, periodStart, version }) => `${meter} ${periodStart} ${version}`}
      columns={[
        {
          head: "Period",
          cell: ({ meter, periodStart, periodEnd }) => (
            <Link href={`/bills/${meter}/${periodStart}`}>{period(periodStart, periodEnd)}</Link>
          ),
        },
        ...(oneMeter ? [] : [{ head: "Meter", cell: ({ meter }: Schemas["BillHead"]) => <Id>{meter}</Id> }]),
        { head: "Import", number: true, cell: ({ energyWh }) => orNothing(energyWh, exactEnergy) },
        { head: "Export", number: true, cell: ({ exportWh }) => orNothing(exportWh, exactEnergy) },
        {
          head: "Amount",
          number: true,
          cell: ({ amountMicro, currency }) => (
            <strong>{orNothing(amountMicro, (micro) => money(micro, currency))}</strong>
          ),
        },
        {
          head: "Status",
          cell: ({ status, gapSlots }) => (
            <>
              <Badge tone={status === "final" ? "good" : "warn"}>{status}</Badge>
              {gapSlots > 0 && <Badge tone="warn">{gapSlots} slots missing</Badge>}
            </>
          ),
        },
      ]}
    />
  );
}

function OneBill({ meter, start }: { readonly meter: string; readonly start: string }): ReactNode {
  const query = useQuery(billQuery(meter, start));
  return (
    <Page
      title={`Bill of ${meter}`}
      lead={
        query.data === undefined
          ? undefined
          : period(query.data.versions[0]!.periodStart, query.data.versions[0]!.periodEnd)
      }
      actions={
        <Link href="/bills" className="button">
          All bills
        </Link>
      }
    >
      <QueryView
        query={query}
        missing={({ status }) => (status === 404 ? <Empty title="There is no such bill" /> : undefined)}
      >
        {({ versions }) => <BillDetails bill={versions.at(-1)!} versions={versions.length} />}
      </QueryView>
    </Page>
  );
}

const KINDS: Record<string, string> = {
  standing: "Standing charge",
  tax: "Tax",
  export: "Export",
  capacity: "Capacity",
  rounding: "Rounding",
};

function BillDetails({ bill, versions }: { readonly bill: Bill; readonly versions: number }): ReactNode {
  const { meter, periodStart, currency, spareAnswers, rangeProof } = bill;
  return (
    <div className="grid">
      <Stats label="The bill">
        <Stat
          label="To pay"
          value={orNothing(bill.amountMicro, (micro) => money(micro, currency))}
          note={`Version ${bill.version} of ${versions}`}
        />
        <Stat
          label="Import"
          {...(bill.energyWh === null
            ? { value: "–" }
            : { value: exactEnergy(bill.energyWh).replace(" kWh", ""), unit: "kWh" })}
          note={bill.gapSlots === 0 ? "No slot is missing" : `${bill.gapSlots} slots are missing`}
        />
        <Stat
          label="Spare answers"
          value={orNothing(spareAnswers, String)}
          note="wrong aggregators that the check would have found"
        />
        <Stat
          label="Range proof"
          value={rangeProof ?? "none"}
          note={rangeProof === null ? "readings are not shared by bits here" : "of every reading in it"}
        />
      </Stats>
      <Card
        title="Rows"
        className="span-7"
        note={`By tariff ${bill.tariff.slice(0, 12)}…; amounts are exact to a millionth and rounded once.`}
      >
        <DataTable
          caption="Rows of the bill"
          rows={bill.rows}
          keyOf={({ band }) => band}
          columns={[
            { head: "Row", cell: ({ band }) => KINDS[band] ?? band },
            { head: "Energy", number: true, cell: ({ energyWh }) => (energyWh === 0 ? "" : exactEnergy(energyWh)) },
            { head: "Amount", number: true, cell: ({ amountMicro }) => money(amountMicro, currency) },
          ]}
        />
      </Card>
      <div className="span-5 grid" style={{ gridTemplateColumns: "minmax(0, 1fr)" }}>
        {bill.status === "final" ? (
          <ReceiptCard meter={meter} start={periodStart} />
        ) : (
          <Card title="Receipt">
            <Empty title="There is no receipt">Only a final bill has one; this one is {bill.status}.</Empty>
          </Card>
        )}
        {bill.gaps.length > 0 && <Gaps bill={bill} />}
      </div>
    </div>
  );
}

function Gaps({ bill }: { readonly bill: Bill }): ReactNode {
  const zone = useZone();
  return (
    <Card title="Slots that are missing">
      <DataTable
        caption="Gaps"
        rows={bill.gaps}
        keyOf={({ kind, from }) => `${kind} ${from}`}
        columns={[
          { head: "From", cell: ({ from }) => moment(from, zone) },
          { head: "To", cell: ({ to }) => moment(to, zone) },
          { head: "Why", cell: ({ reason }) => reason },
          { head: "Billed", cell: ({ billedPeriodStart }) => billedPeriodStart ?? "not yet" },
        ]}
      />
    </Card>
  );
}
