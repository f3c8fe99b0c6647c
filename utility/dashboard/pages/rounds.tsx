/** Rounds: what the aggregators were asked, how it ended, and who of them answered wrongly. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { detections, rounds } from "../api/queries.ts";
import { count, moment, orNothing } from "../format.ts";
import { PURPOSES, RoundBadge } from "../parts/round-row.tsx";
import { roundAbout } from "../parts/round-state.ts";
import { DataTable } from "../ui/data-table.tsx";
import { Id } from "../ui/ids.tsx";
import { Badge, Card, Empty, Page } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

const STATUSES = ["", "open", "waiting", "final"] as const;

export function Rounds(): ReactNode {
  const [status, setStatus] = useState<string>("");
  return (
    <Page
      title="Rounds"
      lead="The utility asks, a quorum of aggregators endorses one set of meters, and each adds up its own shares over exactly that set."
      actions={
        <label className="field inline">
          <span>Status</span>
          <select value={status} onChange={(event) => setStatus(event.target.value)}>
            {STATUSES.map((one) => (
              <option key={one} value={one}>
                {one === "" ? "all" : one}
              </option>
            ))}
          </select>
        </label>
      }
    >
      <div className="grid">
        <RoundsCard status={status === "" ? undefined : status} />
        <DetectionsCard />
      </div>
    </Page>
  );
}

function RoundsCard({ status }: { readonly status: string | undefined }): ReactNode {
  const zone = useZone();
  const query = useQuery(rounds(status, 50));
  return (
    <Card title="The newest rounds">
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={status === undefined ? "There was no round yet" : `No round is ${status}`}>
              The first one comes when the slots of a feeder are complete.
            </Empty>
          ) : (
            <DataTable
              caption="Rounds"
              rows={items}
              keyOf={({ id }) => id}
              columns={[
                { head: "About", cell: ({ purpose }) => PURPOSES[purpose] ?? purpose },
                { head: "Feeder", cell: (round) => <Id>{roundAbout(round).of}</Id> },
                {
                  head: "From",
                  cell: (round) => {
                    const { from, asked } = roundAbout(round);
                    return (
                      <span className="nowrap">
                        {asked ? "asked " : ""}
                        {moment(from, zone)}
                      </span>
                    );
                  },
                },
                {
                  head: "To",
                  cell: (round) => (
                    <span className="nowrap">{orNothing(roundAbout(round).to, (to) => moment(to, zone))}</span>
                  ),
                },
                { head: "Sets", number: true, cell: ({ sets }) => count(sets) },
                {
                  ...{ head: "Proved meters", number: true },
                  cell: ({ provedMeters }) => orNothing(provedMeters, count),
                },
                {
                  head: "Status",
                  cell: (round) => <RoundBadge round={round} />,
                },
              ]}
            />
          )
        }
      </QueryView>
    </Card>
  );
}

function DetectionsCard(): ReactNode {
  const zone = useZone();
  const query = useQuery(detections);
  return (
    <Card
      title="Wrong answers of aggregators"
      note="Signed answers that exclude each other, or that the code of the shares has corrected. They are kept as evidence."
    >
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="None was detected">
              With spare answers a wrong one would be listed here, with the aggregator's name.
            </Empty>
          ) : (
            <DataTable
              caption="Detections"
              rows={items}
              keyOf={({ round, aggregator, code }) => `${round} ${aggregator} ${code}`}
              columns={[
                { head: "When", cell: ({ detectedAt }) => moment(detectedAt, zone) },
                { head: "Aggregator", cell: ({ aggregator }) => <Id>a-{aggregator}</Id> },
                { head: "What", cell: ({ code }) => code },
                {
                  head: "Verdict",
                  cell: ({ verdict }) => <Badge tone={verdict === "liar" ? "bad" : "warn"}>{verdict}</Badge>,
                },
                { head: "Round", cell: ({ round }) => <code>{round}</code> },
              ]}
            />
          )
        }
      </QueryView>
    </Card>
  );
}
