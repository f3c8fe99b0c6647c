/** The last states, for who looks at one bus: what it did lately, its branches, and what is wrong there. */
import type { GridNode, GridState, GridTopology } from "../../../protocol/grid/index.ts";
import { GridFault } from "./fault.ts";

const KEPT = 288;

export class RecentStates {
  readonly #topology: GridTopology;
  readonly #kept: Pick<GridState, "time" | "buses">[] = [];
  #last: GridState | undefined;

  constructor(topology: GridTopology) {
    this.#topology = topology;
  }

  get last(): GridState | undefined {
    return this.#last;
  }

  add(state: GridState): void {
    this.#last = state;
    if (state.stale) return;
    this.#kept.push({ time: state.time, buses: state.buses });
    if (this.#kept.length > KEPT) this.#kept.shift();
  }

  /** Throws GridFault `unavailable` before the first state, `not-found` for no such bus. */
  node(id: number): GridNode {
    const state = this.#last;
    if (state === undefined) throw new GridFault("unavailable", "there is no state yet");
    const at = this.#topology.buses.findIndex((bus) => bus.id === id);
    const bus = this.#topology.buses[at];
    if (bus === undefined) throw new GridFault("not-found", `there is no bus ${id} in ${this.#topology.case}`);
    const { buses, branches } = state;
    const own = this.#topology.branches.flatMap(({ id: branch, from, to }, i) => {
      if (from !== id && to !== id) return [];
      return [
        {
          ...{ id: branch, other: from === id ? to : from, closed: branches.closed[i] === 1 },
          mw: (from === id ? branches.fromMw : branches.toMw)[i]!,
          ...{ loadingPercent: branches.loadingPercent[i]!, temperatureC: branches.temperatureC[i]! },
        },
      ];
    });
    const elements = new Set([`bus:${id}`, ...own.map((branch) => `branch:${branch.id}`)]);
    for (const kind of ["voltage", "demand", "reactive_demand", "generation", "reactive_generation"]) {
      elements.add(`${kind}:${id}`);
    }
    const { vMinPu, vMaxPu, feeders } = bus;
    return {
      ...{ id, time: state.time, simulated: state.simulated, stale: state.stale, vMinPu, vMaxPu, feeders },
      ...{ supplied: buses.vmPu[at]! > 0, vmPu: buses.vmPu[at]!, vaDeg: buses.vaDeg[at]!, loadMw: buses.loadMw[at]! },
      ...{ loadMvar: buses.loadMvar[at]!, generationMw: buses.generationMw[at]!, risk: buses.risk[at]! },
      branches: own,
      findings: state.findings.filter(({ element }) => elements.has(element)),
      recent: this.#kept.map(({ time, buses: then }) => ({
        ...{ time, vmPu: then.vmPu[at]!, loadMw: then.loadMw[at]!, generationMw: then.generationMw[at]! },
      })),
    };
  }
}
