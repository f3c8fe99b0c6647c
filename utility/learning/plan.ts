/** Who enters the sum of a learning round: all whose shares agree, unless they are too few. Pure. */
import { addMember, countMembers, emptyBitmap, members } from "../../protocol/bitmap.ts";
import { boundBits } from "../../protocol/learning/bound.ts";
import type { Question } from "../../protocol/messages/round.ts";
import type { Excluded, HeldCells } from "../rounds/record.ts";
import type { SetPlan } from "../rounds/set-builder.ts";
import type { ModelShape } from "../store/learning-store.ts";

/** `agreed`: over the question's meters, the one unit. */
export function planVector(
  question: Question,
  agreed: readonly Uint8Array[],
  excluded: readonly Excluded[],
  { minMeters, maxMeters, bound }: Pick<ModelShape, "minMeters" | "maxMeters" | "bound">,
): SetPlan {
  const held: HeldCells[] = [];
  let cells = Uint8Array.from(agreed[0] ?? emptyBitmap(question.meters.length));
  const hold = (out: Uint8Array, reason: string): void => {
    if (countMembers(out) > 0) held.push({ unit: 0, cells: out, reason });
    cells = cells.map((byte, i) => byte & ~(out[i] ?? 0));
  };
  for (const { units, parts, code } of excluded) {
    for (const [, mask] of parts) {
      const bytes = Buffer.from(mask, "base64");
      hold(
        cells.map((byte, i) => byte & (bytes[i] ?? 0)),
        code,
      );
    }
    if (units.length > 0) hold(cells, code);
  }
  const beyond = emptyBitmap(question.meters.length);
  for (const meter of [...members(cells)].slice(maxMeters)) addMember(beyond, meter);
  hold(beyond, "too-many-meters");
  if (countMembers(cells) < minMeters) hold(cells, "too-few-meters");
  const bits = bound && [boundBits(bound).coordinate];
  return { schemes: [], assignment: [], cells: [cells], held, bits };
}
