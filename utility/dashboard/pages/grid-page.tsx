/** The grid as it is believed to be: its map, what is wrong, and better switches. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import type { Finding, GridState, GridTopology, Optimised } from "../../../protocol/grid/index.ts";
import { useRole } from "../api/session.tsx";
import { alike, count, figure, fixed, measured, moment, percent, split } from "../format.ts";
import { gridPaths, gridState, gridTopology } from "../grid/api.ts";
import { describe, Details, megawatts } from "../grid/details.tsx";
import { GridMap, type Selection } from "../grid/grid-map.tsx";
import { MapKey } from "../grid/key.tsx";
import { LoadFactor, timesOf } from "../grid/load-factor.tsx";
import { NoGrid } from "../grid/no-grid.tsx";
import { OptimiseCard } from "../grid/optimise-card.tsx";
import { ALL_IN_ORDER, outOfOrder, toggled } from "../grid/proposal.ts";
import { NO_OVERLAY, type Overlay, type Scene, sceneOf } from "../grid/scene.ts";
import { StateBadges } from "../grid/state-badges.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Button, Card, Empty, Page, Stat, Stats } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";

const NONE: readonly number[] = [];

export function GridPage(): ReactNode {
  const topology = useQuery(gridTopology);
  const state = useQuery(gridState);
  return (
    <Page
      title="Grid"
      lead={
        <>
          Worked out from released feeder loads and sensors: no home's reading is in it.
          <LoadFactor state={state.data} />
        </>
      }
      actions={state.data === undefined ? undefined : <StateBadges state={state.data} />}
    >
      <QueryView query={topology} missing={(error) => <NoGrid error={error} />}>
        {(known) => <Grid topology={known} state={state.data} />}
      </QueryView>
    </Page>
  );
}

function Grid({
  topology,
  state,
}: {
  readonly topology: GridTopology;
  readonly state: GridState | undefined;
}): ReactNode {
  const [selection, setSelection] = useState<Selection>();
  const [found, setFound] = useState<Optimised>();
  const [mine, setMine] = useState(ALL_IN_ORDER);
  const faulted = state?.faulted ?? NONE;
  const broken = useMemo(() => outOfOrder(mine, faulted), [mine, faulted]);
  const toggle = (branch: number): void => setMine(toggled(mine, faulted, branch));
  const role = useRole();
  const mayAsk = role !== "auditor" && topology.radial;
  const paths = useQuery(gridPaths);
  const [showPaths, setShowPaths] = useState(false);
  const chosen = selection?.kind === "bus" ? topology.buses[selection.index]?.id : undefined;
  const overlay = useMemo<Overlay>(() => {
    const all = paths.data?.paths ?? [];
    const own = all.filter(({ bus }) => bus === chosen);
    return {
      ...NO_OVERLAY,
      broken: new Set(broken),
      ...(found === undefined ? {} : { toOpen: new Set(found.toOpen), toClose: new Set(found.toClose) }),
      ...(showPaths ? { path: new Set((own.length > 0 ? own : all).flatMap(({ branches }) => branches)) } : {}),
    };
  }, [found, showPaths, paths.data, chosen, broken]);
  const scene = useMemo(() => sceneOf(topology, state, overlay), [topology, state, overlay]);
  const togglePaths = (): void => {
    setShowPaths(!showPaths);
    if (!showPaths) void paths.refetch();
  };
  return (
    <div className="grid">
      {state !== undefined && <Totals state={state} />}
      <Card
        title={`Map of ${topology.case}`}
        className="span-8"
        aside={
          <div className="actions">
            <Find scene={scene} onFound={setSelection} />
            <Button size="small" pressed={showPaths} onClick={togglePaths}>
              Paths
            </Button>
          </div>
        }
      >
        <GridMap
          scene={scene}
          selection={selection}
          onSelect={setSelection}
          description={describe(scene, selection)}
          height={520}
        />
        <MapKey
          changes={overlay.toOpen.size + overlay.toClose.size > 0}
          paths={overlay.path.size > 0}
          broken={broken.length > 0}
        />
      </Card>
      <div className="span-4 grid" style={{ gridTemplateColumns: "minmax(0, 1fr)" }}>
        <Details {...{ scene, selection, broken }} onToggle={mayAsk ? toggle : undefined} />
        {role !== "auditor" && <OptimiseCard {...{ topology, mine, broken }} onToggle={toggle} onFound={setFound} />}
        <Paths shown={showPaths} />
      </div>
      <Findings findings={state?.findings ?? []} leftOut={state?.findingsLeftOut ?? 0} />
    </div>
  );
}

interface FindProps {
  readonly scene: Scene;
  readonly onFound: (selection: Selection) => void;
}

/** By number, for who does not click. */
function Find({ scene: { buses, branches }, onFound }: FindProps): ReactNode {
  const options = (kind: "bus" | "branch", ids: readonly { readonly id: number }[]): ReactNode =>
    ids.map(({ id }, i) => (
      <option key={id} value={`${kind} ${i}`}>
        {kind === "bus" ? id : `line ${id}`}
      </option>
    ));
  return (
    <label className="field inline">
      <span>Bus or line</span>
      <select
        value=""
        onChange={(event) => {
          const [kind, index] = event.target.value.split(" ");
          onFound({ kind: kind === "branch" ? "branch" : "bus", index: Number(index) });
        }}
      >
        <option value="" disabled>
          choose
        </option>
        <optgroup label="Buses">{options("bus", buses)}</optgroup>
        <optgroup label="Lines">{options("branch", branches)}</optgroup>
      </select>
    </label>
  );
}

function Totals({ state }: { readonly state: GridState }): ReactNode {
  const { totals, loads } = state;
  const times = timesOf(state);
  const dark = state.cutOff.length;
  const zone = useZone();
  return (
    <Stats label="The grid now">
      <Stat
        {...{ name: "input", label: "Power in", ...split(megawatts(totals.inputMw)) }}
        note={
          loads.source === "feeders" && loads.slotStart !== null
            ? `loads of ${moment(loads.slotStart, zone)}${times === undefined ? "" : `, ${times}`}`
            : `loads of the ${loads.source}`
        }
      />
      <Stat
        name="lacking"
        label="Not supplied"
        {...(dark === 0 ? { value: "0", unit: "MW" } : split(megawatts(totals.lackingMw)))}
        {...(dark === 0 ? {} : { tone: "bad" })}
        note={dark === 0 ? "every bus has supply" : `${dark} of ${state.buses.vmPu.length} buses are without supply`}
      />
      <Stat
        label="Losses"
        {...split(megawatts(totals.losses.technicalMw))}
        note={`${percent(1 - totals.efficiency, 2)} of what comes in`}
      />
      <Stat
        label="Lowest voltage"
        value={fixed(totals.leastVoltagePu, 3)}
        unit="p.u."
        note={`highest ${fixed(totals.mostVoltagePu, 3)}${dark === 0 ? "" : ", of buses with supply"}`}
      />
      <Stat
        label="Highest loading"
        value={fixed(totals.mostLoadingPercent, 1)}
        unit="%"
        note={`hottest ${fixed(totals.hottestC, 1)} °C`}
      />
      <Stat
        label="Risk"
        value={fixed(totals.risk, 2)}
        note={dark === 0 ? "1 for each element at its limit" : "of what has supply; 1 for each element at its limit"}
      />
    </Stats>
  );
}

function Paths({ shown }: { readonly shown: boolean }): ReactNode {
  const query = useQuery(gridPaths);
  if (!shown) return null;
  return (
    <Card
      title="Paths"
      note="From a generator to each load, as a learned policy chooses them for little loss and risk. Choose a bus to see its own."
    >
      <QueryView query={query} missing={(error) => <NoGrid error={error} />}>
        {({ paths, lossKw, reference }) => {
          const worst = paths.toSorted((a, b) => b.lossKw - a.lossKw).slice(0, 8);
          const show = alike(worst.map((path) => path.lossKw));
          return (
            <>
              <DataTable
                inset
                caption="Paths"
                rows={worst}
                keyOf={({ bus }) => String(bus)}
                columns={[
                  { head: "To bus", cell: ({ bus }) => bus },
                  { head: "Lines", number: true, cell: ({ branches }) => count(branches.length) },
                  { head: "Loss", number: true, cell: ({ lossKw: own }) => `${show(own)} kW` },
                  { head: "Voltage", number: true, cell: ({ voltagePu }) => fixed(voltagePu, 3) },
                ]}
              />
              <p className="muted small" style={{ marginTop: 10 }}>
                The eight that lose most, of {paths.length}; {figure(lossKw)} kW in all, {figure(reference.gapPercent)}{" "}
                % above {reference.kind === "certified" ? "the certified optimum" : "the best that is known of paths"}.
                Better switches search longer, and may find less.
              </p>
            </>
          );
        }}
      </QueryView>
    </Card>
  );
}

const KINDS: Record<Finding["kind"], string> = {
  overload: "Overload",
  overheating: "Too hot",
  undervoltage: "Voltage too low",
  overvoltage: "Voltage too high",
  "no-supply": "No supply",
  theft: "More taken than metered",
  "bad-data": "Sample not believed",
  "dead-sensor": "Sensor stands still",
  "lost-samples": "Samples are missing",
  unobservable: "Cannot be observed",
  "suspect-state": "Something does not fit",
  "no-state": "No state fits",
  stale: "Old data",
};

function Findings({
  findings,
  leftOut,
}: {
  readonly findings: readonly Finding[];
  readonly leftOut: number;
}): ReactNode {
  const zone = useZone();
  return (
    <Card title="What is wrong now" aside={findings.length === 0 ? <Badge tone="good">Nothing</Badge> : undefined}>
      {findings.length === 0 ? (
        <Empty title="No limit is broken, and all samples fit together" />
      ) : (
        <DataTable
          caption="Findings"
          rows={findings}
          keyOf={({ kind, element }) => `${kind} ${element}`}
          columns={[
            {
              head: "What",
              cell: ({ kind }) => (
                <Badge tone={kind === "stale" || kind === "bad-data" ? "warn" : "bad"}>{KINDS[kind]}</Badge>
              ),
            },
            { head: "Where", cell: ({ element }) => element.replace(":", " ") },
            { head: "Value", number: true, cell: ({ value, unit }) => measured(value, unit) },
            { head: "Limit", number: true, cell: ({ limit, unit }) => measured(limit, unit) },
            { head: "Since", cell: ({ since }) => moment(since, zone) },
          ]}
        />
      )}
      {leftOut > 0 && <p className="muted small">{leftOut} more are not shown.</p>}
    </Card>
  );
}
