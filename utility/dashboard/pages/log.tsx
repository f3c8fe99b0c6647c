/** The public log: its head, and what was entered. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { checkpoint, logEntries } from "../api/queries.ts";
import { count, moment } from "../format.ts";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Card, Empty, Page } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

/** What entries of a type say, for people. */
const TYPES: Record<string, string> = {
  set: "Set of a round",
  loads: "Feeder loads",
  totals: "Sums for bills",
  balances: "Energy balances",
  bill: "Bill",
  erase: "Erasure",
  job: "Result of ciphertexts",
  key: "Key",
  failure: "Failed round",
  lie: "Detected lie",
  model: "Learning round",
  budget: "Privacy budget",
};
const PAGE = 25;

export function Log(): ReactNode {
  const [type, setType] = useState("");
  const [size, setSize] = useState(PAGE);
  const zone = useZone();
  const query = useQuery(logEntries(type === "" ? undefined : type, size));
  return (
    <Page
      title="Public log"
      lead="Everything that becomes final is entered here, and nothing can be changed afterwards without being found. What is personal stands as a salted hash."
      actions={
        <label className="field inline">
          <span>Entries</span>
          <select value={type} onChange={(event) => setType(event.target.value)}>
            <option value="">all</option>
            {Object.entries(TYPES).map(([key, name]) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        </label>
      }
    >
      <div className="grid">
        <Head />
        <Card title="Entries, newest first">
          <QueryView query={query}>
            {({ items, next }) =>
              items.length === 0 ? (
                <Empty title="There is no such entry" />
              ) : (
                <>
                  <DataTable
                    caption="Entries of the log"
                    rows={items}
                    keyOf={({ index }) => String(index)}
                    columns={[
                      { head: "No.", number: true, cell: ({ index }) => count(index) },
                      { head: "What", cell: (entry) => TYPES[entry.type] ?? entry.type },
                      {
                        head: "Time",
                        cell: ({ time }) => (
                          <span className="nowrap">{time === 0 ? "before the start" : moment(time, zone)}</span>
                        ),
                      },
                      { head: "Says", cell: ({ content }) => <Says content={content} /> },
                    ]}
                  />
                  {next !== null && size < 1_000 && (
                    <p style={{ marginTop: 34 }}>
                      <button className="button" type="button" onClick={() => setSize(size + PAGE)}>
                        Show more
                      </button>
                    </p>
                  )}
                </>
              )
            }
          </QueryView>
        </Card>
      </div>
    </Page>
  );
}

function Says({ content }: { readonly content: string }): ReactNode {
  const { type: _type, ...fields } = JSON.parse(content) as Record<string, unknown>;
  const parts = Object.entries(fields).map(([key, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `${key} ${text.length > 40 ? `${text.slice(0, 20)}…` : text}`;
  });
  return <span className="muted small mono">{parts.join(" · ")}</span>;
}

function Head(): ReactNode {
  const query = useQuery(checkpoint);
  return (
    <Card
      title="Checkpoint"
      note="The signed head of the log: whoever has two of them can tell whether one log goes on from the other."
    >
      <QueryView
        query={query}
        missing={({ status }) =>
          status === 404 ? <Empty title="There is none yet">It needs its witnesses' signatures.</Empty> : undefined
        }
      >
        {(text) => {
          const [origin = "", size = "", root = ""] = text.split("\n");
          const signatures = text.split("\n").filter((line) => line.startsWith("— ")).length;
          return (
            <dl className="facts">
              <dt>Log</dt>
              <dd>{origin}</dd>
              <dt>Entries</dt>
              <dd data-stat="log-size">{count(Number(size))}</dd>
              <dt>Root hash</dt>
              <dd className="mono">{root}</dd>
              <dt>Signatures</dt>
              <dd>
                <Badge tone="good">{signatures}</Badge>
              </dd>
            </dl>
          );
        }}
      </QueryView>
    </Card>
  );
}
