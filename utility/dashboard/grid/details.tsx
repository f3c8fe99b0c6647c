/** What is known of the bus or branch that is chosen. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { clock, figure, fixed, percent, powersAlike } from "../format.ts";
import { DataTable } from "../ui/data-table.tsx";
import { Ids } from "../ui/ids.tsx";
import { Badge, Button, Card, Empty, type Tone } from "../ui/parts.tsx";
import { QueryView } from "../ui/query-view.tsx";
import { useZone } from "../ui/use-zone.ts";
import { Chart } from "../charts/chart.tsx";
import { timeAxis } from "../charts/load-model.ts";
import { gridNode } from "./api.ts";
import type { Selection } from "./grid-map.tsx";
import type { LoadLevel, Scene, SceneBranch, SceneBus, VoltageLevel } from "./scene.ts";

const VOLTAGES: Record<VoltageLevel, readonly [Tone, string]> = {
  none: ["bad", "no supply"],
  low: ["bad", "below its limit"],
  "slightly-low": ["warn", "low"],
  normal: ["good", "as it should be"],
  "slightly-high": ["warn", "high"],
  high: ["bad", "above its limit"],
};
const LOADINGS: Record<LoadLevel, readonly [Tone, string]> = {
  open: ["plain", "open"],
  broken: ["bad", "out of order"],
  normal: ["good", "as it should be"],
  high: ["warn", "above 80 %"],
  over: ["bad", "above its rating"],
};

/** Megawatts in a unit that suits their size. */
export function megawatts(mw: number): string {
  return powersAlike([mw])(mw);
}

/** One sentence, for screen readers. */
export function describe(scene: Scene, selection: Selection): string {
  if (selection === undefined) return "";
  if (selection.kind === "bus") {
    const bus = scene.buses[selection.index];
    if (bus === undefined) return "";
    return `Bus ${bus.id}: voltage ${fixed(bus.vmPu, 3)} per unit, ${VOLTAGES[bus.level][1]}, ${bus.level === "none" ? `lacks ${megawatts(bus.lackingMw)}` : `load ${megawatts(bus.loadMw)}`}.`;
  }
  const branch = scene.branches[selection.index];
  if (branch === undefined) return "";
  return `${name(branch)} from bus ${scene.buses[branch.from]!.id} to bus ${scene.buses[branch.to]!.id}: ${LOADINGS[branch.level][1]}, ${megawatts(Math.abs(branch.mw))}.`;
}

function name({ kind, id }: SceneBranch): string {
  return `${kind === "transformer" ? "Transformer" : "Line"} ${id}`;
}

export interface DetailsProps {
  readonly scene: Scene;
  readonly selection: Selection;
  /** Marks a branch as out of order, or as in order again; absent for who may not. */
  readonly onToggle?: ((branch: number) => void) | undefined;
  readonly broken: readonly number[];
}

export function Details({ scene, selection, onToggle, broken }: DetailsProps): ReactNode {
  const bus = selection?.kind === "bus" ? scene.buses[selection.index] : undefined;
  const branch = selection?.kind === "branch" ? scene.branches[selection.index] : undefined;
  if (bus !== undefined) return <BusDetails bus={bus} />;
  if (branch !== undefined) {
    const isBroken = broken.includes(branch.id);
    return <BranchDetails {...{ scene, branch, isBroken, onToggle }} />;
  }
  return (
    <Card title="Details">
      <Empty title="Nothing is chosen">
        Click a bus or a line of the map, or go there with the arrow keys once the map has the focus.
      </Empty>
    </Card>
  );
}

function BusDetails({ bus }: { readonly bus: SceneBus }): ReactNode {
  const zone = useZone();
  const query = useQuery(gridNode(bus.id));
  const [tone, word] = VOLTAGES[bus.level];
  return (
    <Card title={`Bus ${bus.id}`} aside={<Badge tone={tone}>{word}</Badge>}>
      <dl className="facts" data-details={`bus-${bus.id}`}>
        <dt>Voltage</dt>
        <dd>{bus.vmPu > 0 ? `${fixed(bus.vmPu, 4)} p.u.` : "none"}</dd>
        <dt>Load</dt>
        <dd>{bus.level === "none" ? "none: it has no supply" : megawatts(bus.loadMw)}</dd>
        {bus.lackingMw > 0 && (
          <>
            <dt>Would take</dt>
            <dd>{megawatts(bus.lackingMw)}</dd>
          </>
        )}
        {bus.generationMw !== 0 && (
          <>
            <dt>Generation</dt>
            <dd>{megawatts(bus.generationMw)}</dd>
          </>
        )}
        <dt>Risk</dt>
        <dd>{figure(bus.risk)} (1 is at its limit)</dd>
        {bus.feeders.length > 0 && (
          <>
            <dt>Feeders</dt>
            <dd>
              <Ids of={bus.feeders} />
            </dd>
          </>
        )}
      </dl>
      <QueryView query={query}>
        {(node) => {
          const show = powersAlike(node.branches.map(({ mw }) => mw));
          return (
            <>
              {node.recent.length > 1 && (
                <div style={{ marginTop: 16 }}>
                  <Chart
                    height={150}
                    model={{
                      title: "Voltage",
                      summary: `The last ${node.recent.length} scans, to ${clock(node.recent.at(-1)!.time, zone)}.`,
                      series: [
                        {
                          name: "Voltage",
                          kind: "line",
                          colour: 1,
                          points: node.recent.map(({ time, vmPu }) => ({ x: time, y: vmPu })),
                        },
                      ],
                      x: timeAxis(zone),
                      y: { name: "Voltage", unit: "p.u.", format: (value) => fixed(value, 4) },
                    }}
                  />
                </div>
              )}
              <h3 style={{ margin: "16px 0 8px" }}>Branches</h3>
              <DataTable
                inset
                caption={`Branches at bus ${bus.id}`}
                rows={node.branches}
                keyOf={({ id }) => String(id)}
                columns={[
                  { head: "Branch", cell: ({ id, other }) => `${id} to bus ${other}` },
                  { head: "Out", number: true, cell: ({ closed, mw }) => (closed ? show(mw) : "open") },
                  {
                    head: "Loading",
                    number: true,
                    cell: ({ closed, loadingPercent }) => (closed ? percent(loadingPercent / 100, 0) : ""),
                  },
                ]}
              />
            </>
          );
        }}
      </QueryView>
    </Card>
  );
}

interface BranchDetailsProps extends Pick<DetailsProps, "scene" | "onToggle"> {
  readonly branch: SceneBranch;
  readonly isBroken: boolean;
}

function BranchDetails({ scene, branch, isBroken, onToggle }: BranchDetailsProps): ReactNode {
  const [from, to] = [scene.buses[branch.from]!.id, scene.buses[branch.to]!.id];
  const [tone, word] = LOADINGS[branch.level];
  const towardsTo = branch.mw >= 0;
  return (
    <Card title={name(branch)} aside={<Badge tone={tone}>{word}</Badge>}>
      <dl className="facts" data-details={`branch-${branch.id}`}>
        <dt>Between</dt>
        <dd>
          bus {from} and bus {to}
        </dd>
        <dt>Switch</dt>
        <dd>
          {branch.closed ? "closed" : "open"}
          {branch.change === undefined ? "" : branch.change === "opens" ? ", to be opened" : ", to be closed"}
        </dd>
        {branch.closed && (
          <>
            <dt>Power</dt>
            <dd>
              {megawatts(Math.abs(branch.mw))}, from bus {towardsTo ? from : to} to bus {towardsTo ? to : from}
            </dd>
            <dt>Loading</dt>
            <dd>{percent(branch.loadingPercent / 100, 1)} of its rating</dd>
            <dt>Temperature</dt>
            <dd>{figure(branch.temperatureC)} °C, from current and ambient</dd>
          </>
        )}
        <dt>Risk</dt>
        <dd>{figure(branch.risk)} (1 is at its limit)</dd>
      </dl>
      {onToggle !== undefined && (
        <p style={{ marginTop: 14 }}>
          <Button size="small" pressed={isBroken} onClick={() => onToggle(branch.id)}>
            {isBroken ? "Out of order: no proposal closes it" : "Mark as out of order"}
          </Button>
        </p>
      )}
    </Card>
  );
}
