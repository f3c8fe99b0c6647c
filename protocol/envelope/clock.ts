/**
 * The simulated clock: `wv/1/sim/clock`, signed by the simulator. Only a directory made for simulation lets it through;
 * a production system refuses it whoever signed.
 */
import { z } from "zod";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import type { Directory } from "../keys/directory.ts";
import { CONTEXT, sign1, type Signer, verify1 } from "./sign1.ts";

const tick = z.tuple([z.number().min(0), z.int().min(0)]);

export interface ClockTick {
  /** Unix seconds. */
  readonly time: number;
  /** Grows with every tick, so that an old one is recognised. */
  readonly sequence: number;
}

/** Signs a tick as the simulator. */
export function sealClock({ time, sequence }: ClockTick, simulator: Signer): Uint8Array {
  return sign1(encodeCbor([time, sequence]), simulator, CONTEXT.clock);
}

/** Verifies a tick. Throws ProtocolError `wrong-sender` (also outside a simulation), `bad-signature` or `malformed`. */
export function openClock(bytes: Uint8Array, directory: Pick<Directory, "servers" | "simulation">): ClockTick {
  if (!directory.simulation) throw new ProtocolError("wrong-sender", "this system is no simulation: no clock is taken");
  const { payload, signer } = verify1(bytes, directory, CONTEXT.clock);
  if (directory.servers.get(signer)?.role !== "simulator") {
    throw new ProtocolError("wrong-sender", `expected a clock by the simulator, got one by ${signer}`);
  }
  const parsed = tick.safeParse(decodeCbor(payload));
  if (!parsed.success) throw new ProtocolError("malformed", `a clock tick: ${z.prettifyError(parsed.error)}`);
  const [time, sequence] = parsed.data;
  return { time, sequence };
}
