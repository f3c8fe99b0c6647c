/** The aggregator's own entry, except that its parts of openings are wrong in a few coefficients. */
import { WorkerMachine } from "../../../aggregator/openings/worker-machine.ts";

const open = Reflect.get<WorkerMachine, "open">(WorkerMachine.prototype, "open");
Reflect.set(WorkerMachine.prototype, "open", async function (this: WorkerMachine, ...given: Parameters<typeof open>) {
  const outputs = await open.apply(this, given);
  // Zero is a residue of every prime.
  for (const { partial } of outputs) partial.fill(0, 0, 64);
  return outputs;
});

await import("../../../aggregator/main.ts");
