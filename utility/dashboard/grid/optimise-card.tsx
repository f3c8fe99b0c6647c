/** Asks for better switches, shows what was found beside the optimum, and on the map what would change. */
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { GridTopology, Optimised } from "../../../protocol/grid/index.ts";
import { ApiError } from "../api/client.ts";
import { alike, count, figure, fixed, powersAlike } from "../format.ts";
import { DataTable } from "../ui/data-table.tsx";
import { Badge, Button, Card, Notice } from "../ui/parts.tsx";
import { megawatts } from "./details.tsx";
import { type Method, optimise } from "./api.ts";
import { gainOf, type OutOfOrder } from "./proposal.ts";

const METHODS: Record<Method, string> = {
  policy: "Learned policy",
  exact: "Certified optimum",
  exchange: "Branch exchange",
  random: "Random search",
};

export interface OptimiseCardProps {
  readonly topology: Pick<GridTopology, "radial" | "branches">;
  readonly mine: OutOfOrder;
  /** Branches that stay open. */
  readonly broken: readonly number[];
  readonly onToggle: (branch: number) => void;
  readonly onFound: (found: Optimised | undefined) => void;
}

export function OptimiseCard({ topology, mine, broken, onToggle, onFound }: OptimiseCardProps): ReactNode {
  const { radial } = topology;
  const [method, setMethod] = useState<Method>("policy");
  const { mutate, data, error, isPending, reset } = useMutation({ mutationFn: optimise, onSuccess: onFound });
  const toggle = (branch: number): void => {
    // What was found is for other lines.
    reset();
    onFound(undefined);
    onToggle(branch);
  };
  return (
    <Card
      title="Better switches"
      note="Which lines to open and close for the least loss and risk. Nothing is switched: it is a proposal."
    >
      <div className="actions">
        <label className="field inline">
          <span>Method</span>
          <select value={method} onChange={(event) => setMethod(event.target.value as Method)} disabled={!radial}>
            {Object.entries(METHODS).map(([key, name]) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Button
          kind="primary"
          disabled={!radial || isPending}
          onClick={() => mutate({ method, broken: mine.marked, repaired: mine.repaired })}
        >
          {isPending ? "Looking…" : "Find"}
        </Button>
      </div>
      {radial && <Broken {...{ topology, broken }} onToggle={toggle} />}
      <div aria-live="polite" style={{ marginTop: 14 }}>
        {!radial && <p className="muted small">This grid is meshed: it has no switches that could be optimised.</p>}
        {error !== null && <Notice tone="bad">{error instanceof ApiError ? error.message : "It failed."}</Notice>}
        {data !== undefined && <Found found={data} />}
      </div>
    </Card>
  );
}

interface BrokenProps {
  readonly topology: Pick<GridTopology, "branches">;
  readonly broken: readonly number[];
  readonly onToggle: (branch: number) => void;
}

/** Lines that are out of order: those that opened in a fault are known, others are marked by whoever knows. */
function Broken({ topology: { branches }, broken, onToggle }: BrokenProps): ReactNode {
  return (
    <div className="actions" style={{ marginTop: 12, flexWrap: "wrap" }} data-broken={broken.join(",")}>
      <label className="field inline">
        <span>Out of order</span>
        <select value="" onChange={(event) => onToggle(Number(event.target.value))}>
          <option value="" disabled>
            {broken.length === 0 ? "no line" : "another line"}
          </option>
          {branches
            .filter(({ id }) => !broken.includes(id))
            .map(({ id, from, to }) => (
              <option key={id} value={id}>
                {id} ({from} to {to})
              </option>
            ))}
        </select>
      </label>
      {broken.map((id) => (
        <Button key={id} size="small" label={`Line ${id} is in order again`} onClick={() => onToggle(id)}>
          Line {id} <span aria-hidden="true">×</span>
        </Button>
      ))}
    </div>
  );
}

function Found({ found }: { readonly found: Optimised }): ReactNode {
  const { before, after, reference, toOpen, toClose, cutOff, unservedMw, unservedBeforeMw, flows, milliseconds } =
    found;
  const loss = powersAlike([before.lossKw / 1_000, after.lossKw / 1_000]);
  const unserved = powersAlike([unservedBeforeMw, unservedMw]);
  const risk = alike([before.risk, after.risk]);
  const cost = alike([before.cost, after.cost, reference.cost], 4);
  return (
    <div data-optimised={found.method}>
      <p style={{ marginBottom: 10 }}>
        {toOpen.length + toClose.length === 0 ? (
          <Badge tone="good">The switches are as they should be</Badge>
        ) : (
          <>
            Open <strong>{toOpen.join(", ") || "none"}</strong>, close <strong>{toClose.join(", ") || "none"}</strong>
          </>
        )}
      </p>
      {cutOff.length > 0 && (
        <Notice tone="bad">
          No choice of switches supplies {cutOff.length === 1 ? "bus" : "buses"} {cutOff.join(", ")}:{" "}
          {megawatts(unservedMw)} of load without power.
        </Notice>
      )}
      <DataTable
        inset
        caption="Before, after and the best there is"
        rows={[
          ...(unservedBeforeMw > 0 || unservedMw > 0
            ? [{ name: "Not supplied", cells: [unserved(unservedBeforeMw), unserved(unservedMw)] }]
            : []),
          { name: "Loss", cells: [loss(before.lossKw / 1_000), loss(after.lossKw / 1_000)] },
          { name: "Lowest voltage, p.u.", cells: [fixed(before.leastVoltagePu, 3), fixed(after.leastVoltagePu, 3)] },
          { name: "Risk", cells: [risk(before.risk), risk(after.risk)] },
          { name: "Cost, kW", cells: [cost(before.cost), cost(after.cost)] },
        ]}
        keyOf={({ name }) => name}
        columns={[
          { head: "", cell: ({ name }) => name },
          { head: "Now", number: true, cell: ({ cells }) => cells[0] },
          { head: "Proposed", number: true, cell: ({ cells }) => <strong>{cells[1]}</strong> },
        ]}
      />
      <p className="muted small" style={{ marginTop: 10 }}>
        {gainOf(found)} {reference.kind === "certified" ? "The certified optimum" : "The best known"} costs{" "}
        {cost(reference.cost)} kW
        {reference.gapPercent === null ? "." : ": "}
        {reference.gapPercent !== null && <span data-gap>the gap to it is {fixed(reference.gapPercent, 2)} %.</span>}{" "}
        {count(flows)} power flows in {figure(milliseconds)} ms
        {found.method === "exact" && ", fewer than there are trees: a bound rules most of them out untried"}.
      </p>
    </div>
  );
}
