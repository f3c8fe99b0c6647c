/** Follows one reading of the running fleet through shares, sums and the bill: who holds what, step by step. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { showcase, system } from "../api/queries.ts";
import { moment } from "../format.ts";
import { PartyCards } from "../sees/party-cards.tsx";
import { PutTogether } from "../sees/put-together.tsx";
import { PARTIES, type Showcase, steps } from "../sees/story.ts";
import { Icon } from "../ui/icon.tsx";
import { Id } from "../ui/ids.tsx";
import { Badge, Button, Card, Empty, Page } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { useZone } from "../ui/use-zone.ts";
import "../styles/sees.css";

const STEP_MILLISECONDS = 4_200;

export function WhoSeesWhat(): ReactNode {
  const [frozen, setFrozen] = useState<Showcase>();
  const query = useQuery(showcase);
  // While one looks at a reading it stays: the fleet goes on meanwhile.
  const shown = frozen ?? query.data;
  useEffect(() => {
    if (frozen === undefined && query.data !== undefined) setFrozen(query.data);
  }, [frozen, query.data]);
  const isNewer = frozen !== undefined && query.data !== undefined && query.data.slotStart !== frozen.slotStart;
  return (
    <Page
      title="Who sees what"
      lead="The way of one reading, from a home to a bill. Numbers are those of the running fleet unless a picture says otherwise."
      actions={
        isNewer ? (
          <Button onClick={() => setFrozen(query.data)}>
            <Icon name="rounds" />
            Take a newer reading
          </Button>
        ) : undefined
      }
    >
      {shown === undefined ? (
        <QueryView
          query={query}
          missing={({ code }) =>
            code === "no-showcase" ? (
              <Empty title="There is no household to show">
                Nobody may look into a real home. A fleet of simulated ones shows its first household:{" "}
                <code>npm run fleet</code>.
              </Empty>
            ) : undefined
          }
        >
          {() => null}
        </QueryView>
      ) : (
        <Story showcase={shown} />
      )}
      <Parties />
    </Page>
  );
}

function Story({ showcase: shown }: { readonly showcase: Showcase }): ReactNode {
  const zone = useZone();
  const all = steps(shown);
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(false);
  const step = all[at]!;
  const isLast = at === all.length - 1;

  useEffect(() => {
    if (!playing) return undefined;
    const timer = setTimeout(() => (isLast ? setPlaying(false) : setAt(at + 1)), STEP_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [playing, at, isLast]);

  const play = (): void => {
    if (!playing && isLast) setAt(0);
    setPlaying(!playing);
  };

  return (
    <div className="grid" style={{ marginBottom: 16 }}>
      <Card
        title={`${at + 1}. ${step.title}`}
        aside={
          <div className="actions">
            <Button size="square" label="Step back" disabled={at === 0} onClick={() => setAt(at - 1)}>
              <Icon name="back" />
            </Button>
            <Button kind="primary" onClick={play}>
              <Icon name={playing ? "pause" : "play"} />
              {playing ? "Pause" : "Play"}
            </Button>
            <Button size="square" label="Next step" disabled={isLast} onClick={() => setAt(at + 1)}>
              <Icon name="forward" />
            </Button>
          </div>
        }
      >
        <p aria-live="polite" className="story-text">
          {step.text}
        </p>
        <ol className="story-steps" aria-label="Steps">
          {all.map(({ title }, i) => (
            <li key={title}>
              <button type="button" aria-current={i === at ? "step" : undefined} onClick={() => setAt(i)} title={title}>
                <span className="hidden-visually">
                  {i + 1}. {title}
                </span>
              </button>
            </li>
          ))}
        </ol>
        <p className="muted small" style={{ margin: "4px 0 16px" }}>
          Home <Id>{shown.meter}</Id> on feeder <Id>{shown.feeder}</Id>, {moment(shown.slotStart, zone)}{" "}
          <Badge tone="info" icon="flask">
            Simulated home
          </Badge>
        </p>
        <PartyCards showcase={shown} at={at} step={step} parties={PARTIES} />
      </Card>
      <PutTogether showcase={shown} />
    </div>
  );
}

interface PartyRow {
  readonly party: string;
  readonly holds: string;
  readonly may: string;
  readonly never: string;
}

const ROWS: readonly PartyRow[] = [
  { party: "Home", holds: "its readings and keys", may: "its own data", never: "anyone else's" },
  {
    party: "Broker",
    holds: "identities, rules of topics",
    may: "who speaks when, and how much",
    never: "any reading, share, total or bill",
  },
  {
    party: "Aggregator",
    holds: "its own shares, a part of a key",
    may: "sums of shares; that a meter reported",
    never: "a reading; another's shares",
  },
  {
    party: "Utility",
    holds: "tariffs, agreed totals",
    may: "a bill per home and band, a load per feeder and slot",
    never: "a single reading",
  },
  {
    party: "Analytics",
    holds: "ciphertexts, public keys",
    may: "results that were opened",
    never: "the secret key; a reading",
  },
  {
    party: "Everyone",
    holds: "the public log",
    may: "feeder loads; that nothing was changed",
    never: "a bill that is not theirs",
  },
];

function Parties(): ReactNode {
  const { data } = useQuery(system);
  const some =
    data === undefined
      ? "As many aggregators as open a sum"
      : `Any ${data.threshold} of the ${data.aggregators} aggregators`;
  return (
    <Card
      title="In short"
      note={`${some} can open every reading that they store if they collude: that they do not is the trust this rests on.`}
    >
      <DataTable
        caption="Who can learn what"
        rows={ROWS}
        keyOf={({ party }) => party}
        columns={[
          { head: "Party", cell: ({ party }) => <strong>{party}</strong> },
          { head: "Holds", cell: ({ holds }) => holds },
          { head: "May learn", cell: ({ may }) => may },
          { head: "Must never learn", cell: ({ never }) => never },
        ]}
      />
    </Card>
  );
}
