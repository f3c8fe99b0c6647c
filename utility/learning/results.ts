/**
 * What a round of vectors found: the coordinates of the sum, unless one of them is beyond what honest homes and their
 * noise can reach. In the caller's transaction; what it returns is to be logged in it.
 */
import { createHash } from "node:crypto";
import { countMembers } from "../../protocol/bitmap.ts";
import { int64 } from "../../protocol/learning/result.ts";
import { unpackLanes } from "../../protocol/learning/lanes.ts";
import { reach } from "../../protocol/learning/shape.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { CollectError, type Collected } from "../collector/collect.ts";
import type { NewEntry } from "../ledger/ledger.ts";
import { budgetEntry, modelEntry } from "../ledger/model-entry.ts";
import { namingNobody, type RoundRecord } from "../rounds/record.ts";
import type { RoundOutcome } from "../rounds/round-ports.ts";
import type { Utility } from "../settings.ts";
import {
  finalModelRounds,
  type ModelRound,
  modelRound,
  type ModelShape,
  shapeOf,
  updateModelRound,
} from "../store/learning-store.ts";
import { writeRelease } from "./releases.ts";
import type { Queries } from "../store/rounds-store.ts";

/**
 * Throws CollectError `implausible-total` for a sum that no honest homes can have: an update that was never clipped, or
 * sums of shares that do not belong together where no spare answer could tell.
 */
export function judgeVector(content: SetContent, collected: Pick<Collected, "values">, shape: ModelShape): void {
  coordinatesOf(content, collected, shape);
}

function coordinatesOf(content: SetContent, { values }: Pick<Collected, "values">, shape: ModelShape): number[] {
  const homes = countMembers(content.units[0]?.[0] ?? new Uint8Array(0));
  const most = reach(shape, homes);
  let coordinates: number[] | undefined;
  try {
    coordinates = unpackLanes(values, shape.vector);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  if (coordinates?.every((value) => Math.abs(value) <= most) === true) return coordinates;
  // Which and how far is not said: it may be near to what one home has sent.
  const message = `a coordinate of the sum is beyond ${most}, the reach of ${homes} homes and their noise`;
  throw new CollectError("implausible-total", message, { meters: homes, most });
}

export async function writeVector(
  db: Queries,
  utility: Utility,
  record: RoundRecord,
  outcome: RoundOutcome,
): Promise<NewEntry[]> {
  const { content, collected } = outcome;
  const round = record.question.feeder;
  const row = await modelRound(db, round);
  if (row === undefined) throw new Error(`learning round ${round} is not in the database`);
  const proof = proofOf(record, shapeOf(row));
  const settled = { settled_at: Math.floor(utility.clock.now()), set_id: record.setId ?? null, ...proof };
  if (record.state !== "finished" || content === undefined || collected === undefined) {
    const status = record.state === "failed" ? record.status : "too-few-meters";
    const held = record.held.map(({ cells, reason }) => `${countMembers(cells)} meters: ${reason}`);
    // It is published with the result: who took part is not.
    const reason = namingNobody(record.reason || held.join(", ") || "nobody has sent an update", record).slice(
      0,
      1_000,
    );
    const changed = { ...settled, status, reason };
    await updateModelRound(db, round, changed);
    await writeRelease(db, { ...row, ...changed }, utility.slotSeconds);
    return [];
  }
  const coordinates = coordinatesOf(content, collected, shapeOf(row));
  const sum = int64(coordinates);
  const meters = countMembers(content.units[0]![0]);
  const spare = Math.min(...collected.spare);
  const changed = { ...settled, status: "final", reason: "", meters, sum, spare_answers: spare };
  await updateModelRound(db, round, changed);
  await writeRelease(db, { ...row, ...changed }, utility.slotSeconds);
  const hash = Uint8Array.from(createHash("sha256").update(sum).digest());
  const opened = await finalModelRounds(db);
  const budget = budgetEntry(opened.map(shapeOf));
  const opening = { setId: record.setId!, meters, sum: hash, proved: proof.proved ?? undefined };
  return [modelEntry(row, opening), ...(budget === undefined ? [] : [budget])];
}

type ProofColumns = Pick<ModelRound, "proved" | "unproved" | "left_out">;

/** Of a round with a bound how far it was proved; nothing for any other. */
function proofOf({ tested, held }: RoundRecord, { bound }: ModelShape): Partial<ProofColumns> {
  if (bound === undefined) return {};
  const beyond = held.filter(({ reason }) => reason === "out-of-range");
  return {
    proved: tested?.proof === undefined ? 0 : countMembers(tested.proof.proved),
    unproved: tested?.proof?.unproved ?? 0,
    left_out: beyond.reduce((sum, { cells }) => sum + countMembers(cells), 0),
  };
}
