/**
 * What follows from refusals. A set is given up only when so many aggregators refuse it that a quorum has become
 * impossible; what they name is left out of the next one. Pure.
 */
import { bitmapOf } from "../../protocol/bitmap.ts";
import type { RefusalCode, RefuseMessage, SetContent } from "../../protocol/messages/round.ts";
import type { Excluded } from "./record.ts";
import { billingOutputs, billingUnit } from "./shape.ts";

export type Refusal = Pick<RefuseMessage, "code" | "detail" | "where">;

/** Refusals that time may heal: the aggregator has not heard of a member yet, or has just restarted. */
const PASSING: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "unknown-round",
  "unknown-member",
  "not-endorsed",
  "unknown-announcement",
  "not-closed",
]);

/** Refusals whose `where` counts outputs; the others count units, or the meters of a vector. */
const BY_OUTPUT: ReadonlySet<RefusalCode> = new Set<RefusalCode>(["too-few-slots"]);

/**
 * The refusal that ends a set, or undefined while a quorum is still possible. Passing refusals count only when time is
 * up. Of several, one that names something goes first: leaving that out may satisfy the others too.
 */
export function verdictOf(
  refusals: ReadonlyMap<number, Refusal>,
  aggregators: number,
  quorum: number,
  timeIsUp: boolean,
): Refusal | undefined {
  const lasting = [...refusals.values()].filter(({ code }) => timeIsUp || !PASSING.has(code));
  if (aggregators - lasting.length >= quorum) return undefined;
  const naming = lasting.filter(({ where }) => where.length > 0);
  const first = naming[0] ?? lasting[0];
  if (first === undefined) return undefined;
  const where = new Set(naming.filter(({ code }) => code === first.code).flatMap((refusal) => refusal.where));
  return { code: first.code, detail: first.detail, where: [...where].sort((a, b) => a - b) };
}

/** What to leave out next time, or undefined when the refusal names nothing of the set. */
export function excludedBy(refusal: Refusal, content: SetContent): Excluded | undefined {
  const { code, detail, where } = refusal;
  if (content.purpose === "billing" && BY_OUTPUT.has(code)) {
    const outputs = billingOutputs(content);
    const parts = where.flatMap((index): (readonly [number, string])[] => {
      const output = outputs[index];
      const band = output === undefined ? undefined : content.schemes[output.scheme]?.bands[output.band];
      if (output === undefined || band === undefined) return [];
      const kind = content.kinds.indexOf(band.kind);
      return band.masks.map((mask, segment) => [
        billingUnit(content, segment, output.meter, kind),
        Buffer.from(mask).toString("base64"),
      ]);
    });
    return parts.length === 0 ? undefined : { units: [], parts, code, detail };
  }
  if (content.purpose === "vector") {
    const mask = Buffer.from(bitmapOf(content.meters.length, where)).toString("base64");
    return where.length === 0 ? undefined : { units: [], parts: [[0, mask]], code, detail };
  }
  const units = where.filter((index) => (content.units[index]?.[0].length ?? 0) > 0);
  return units.length === 0 ? undefined : { units, parts: [], code, detail };
}
