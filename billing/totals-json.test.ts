/** Stored sums come back as they were, and nothing else is taken for them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { june, part, periodTotals } from "./testing/bills.ts";
import { withLateEnergy } from "./totals.ts";
import { decodeTotals, encodeTotals } from "./totals-json.ts";

const energy = fc.bigInt(0n, 10n ** 20n);

test("sums survive being stored, also beyond 2^53 and with late energy", () => {
  fc.assert(
    fc.property(energy, energy, energy, (day, exportWh, lateWh) => {
      const billedBandsWh = new Map([["day", exportWh]]);
      const late = periodTotals({ ...part("2025-05-01", "2025-06-01", 31, { day: lateWh }), billedBandsWh });
      const totals = withLateEnergy(june({ day, night: 0n }, { exportWh }), late);
      assert.deepEqual(decodeTotals(encodeTotals(totals)), totals);
    }),
  );
});

test("refuses text that is no stored sum", () => {
  const stored = encodeTotals(june({ day: 1n }));
  assert.throws(() => decodeTotals("{"), SyntaxError);
  assert.throws(() => decodeTotals("{}"), { name: "ZodError" });
  assert.throws(() => decodeTotals(stored.replace('"1"', "1")), { name: "ZodError" });
  assert.throws(() => decodeTotals(stored.replace('"1"', '"-1"')), { name: "ZodError" });
  assert.throws(() => decodeTotals(stored.replace("2025-06-01", "2025-06-31")), /expected a date/);
  assert.throws(() => decodeTotals(stored.replace('"late"', '"x":1,"late"')), { name: "ZodError" });
});
