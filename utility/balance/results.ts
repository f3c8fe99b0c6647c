/** Writes what a round of balances found, and shows it to the feeder's detector, slot by slot. */
import { countMembers, hasMember } from "../../protocol/bitmap.ts";
import { BALANCE_OFFSET } from "../../protocol/messages/round.ts";
import { balancesEntry } from "../ledger/entries.ts";
import type { NewEntry } from "../ledger/ledger.ts";
import type { RoundRecord } from "../rounds/record.ts";
import type { RoundOutcome } from "../rounds/round-ports.ts";
import type { Utility } from "../settings.ts";
import type { FeederBalancesTable } from "../store/balance-tables.ts";
import { type AlertRow, detectorOf, saveBalances } from "../store/balances-store.ts";
import type { Queries } from "../store/rounds-store.ts";
import { exactNumber } from "../store/tables.ts";
import { watch } from "./detector.ts";
import { technicalLossW } from "./loss.ts";

type Load = { readonly importWh: number; readonly exportWh: number | null; readonly meters: number };

/** In the caller's transaction. Returns what is to be logged. */
export async function writeBalances(
  db: Queries,
  utility: Utility,
  record: RoundRecord,
  outcome: RoundOutcome,
): Promise<NewEntry[]> {
  const { slotSeconds, balance } = utility;
  const { feeder } = record.question;
  const [from, to] = record.question.segments[0] ?? [0, 0];
  const loads = await loadsOf(db, feeder, from * slotSeconds, to * slotSeconds);
  let state = await detectorOf(db, feeder);
  const rows: FeederBalancesTable[] = [];
  const alerts: AlertRow[] = [];
  for (let slot = from; slot < to; slot++) {
    const row = rowOf(utility, record, outcome, slot, loads.get(slot * slotSeconds));
    rows.push(row);
    if (state.next !== undefined && slot < state.next) continue;
    const { residual_wh: residual, import_wh: importWh, export_wh: exportWh } = row;
    const meters = loads.get(slot * slotSeconds)?.meters ?? 0;
    const seen = { slot, residualWh: residual ?? undefined, importWh: importWh ?? 0, exportWh: exportWh ?? 0, meters };
    const found = watch(state, seen, balance.detector);
    state = found.state;
    for (const { kind, since, detected, sizeW } of found.alerts) {
      const times = { since: since * slotSeconds, detected_at: (detected + 1) * slotSeconds };
      alerts.push({ feeder_id: feeder, kind, ...times, size_w: sizeW === undefined ? null : Math.round(sizeW) });
    }
  }
  await saveBalances(db, feeder, rows, state, alerts);
  return rows.length === 0 ? [] : [balancesEntry(record, rows)];
}

async function loadsOf(db: Queries, feeder: string, from: number, to: number): Promise<Map<number, Load>> {
  const rows = await db
    .selectFrom("feeder_loads")
    .select(["slot_start", "energy_wh", "export_wh", "meters"])
    .where("feeder_id", "=", feeder)
    .where("slot_start", ">=", from)
    .where("slot_start", "<", to)
    .where("status", "=", "final")
    .execute();
  return new Map(
    rows.map((row) => [row.slot_start, { importWh: row.energy_wh ?? 0, exportWh: row.export_wh, meters: row.meters }]),
  );
}

function rowOf(
  { slotSeconds, balance }: Utility,
  record: RoundRecord,
  { collected, content }: RoundOutcome,
  slot: number,
  load: Load | undefined,
): FeederBalancesTable {
  const { feeder, kinds, segments } = record.question;
  const output = slot - (segments[0]?.[0] ?? 0);
  const inSet = countMembers(content?.units[output * kinds.length]?.[0] ?? new Uint8Array(0)) > 0;
  const isReleased = inSet && collected !== undefined && hasMember(collected.have, output);
  const value = isReleased ? (collected.values[output] ?? 0n) - BALANCE_OFFSET : undefined;
  const balanceWh = value === undefined ? null : exactNumber("balance", value);
  const hours = slotSeconds / 3_600;
  // Where too few meters feed back for a total of it, their power is in the balance all the same, and not in the loss.
  const netW = load === undefined ? undefined : (load.importWh - (load.exportWh ?? 0)) / hours;
  const lossWh =
    netW === undefined || load === undefined ? null : technicalLossW(netW, load.meters, balance.lineOf(feeder)) * hours;
  const failed = record.state === "failed" && inSet;
  const isImplausible = collected?.implausible.includes(output) === true;
  const missing = failed ? record.status : isImplausible ? "implausible-total" : "incomplete";
  return {
    feeder_id: feeder,
    slot_start: slot * slotSeconds,
    balance_wh: balanceWh,
    import_wh: load?.importWh ?? null,
    export_wh: load?.exportWh ?? null,
    loss_wh: lossWh,
    residual_wh: balanceWh === null || lossWh === null ? null : balanceWh - lossWh,
    status: balanceWh === null ? missing : lossWh === null ? "no-load" : "final",
    spare_answers: balanceWh === null ? null : (collected?.spare[output] ?? 0),
    round_id: record.id,
  };
}
