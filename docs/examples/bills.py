#!/usr/bin/env python3
"""What the bills of a system come to, and whether they fit together: a script to begin one's own with.

    python3 docs/examples/bills.py data/utility/utility.db

It opens the database for reading only, and needs nothing but Python. For each period: bills, energy, money, and how
the energy of all bills compares with the released loads of the feeders. The two are totals over different sets, made
in different rounds; over the same time, with all bills final and nothing missing, they are equal.
Exit code 1 where a bill is not the sum of its rows.
"""

import sqlite3
import sys

MICRO = 1_000_000

PERIODS = """
SELECT period_start, period_end, currency, count(*) AS bills, sum(status = 'final') AS final,
       sum(energy_wh) AS energy_wh, sum(amount_micro) AS amount_micro
  FROM current_bills GROUP BY period_start, period_end, currency ORDER BY period_start
"""

WRONG = """
SELECT b.meter_id, b.period_start, b.amount_micro, sum(t.amount_micro) AS rows_micro
  FROM current_bills b JOIN current_bill_totals t USING (meter_id, period_start, version)
 WHERE b.status = 'final' GROUP BY b.meter_id, b.period_start HAVING b.amount_micro <> rows_micro
"""

LOADS = "SELECT coalesce(sum(energy_wh), 0), sum(status = 'final'), count(*) FROM feeder_loads WHERE meters > 0"


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: bills.py <data>/utility/utility.db", file=sys.stderr)
        return 2
    try:
        database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
        database.row_factory = sqlite3.Row
        periods = database.execute(PERIODS).fetchall()
    except sqlite3.Error as error:
        print(f"{sys.argv[1]} cannot be read as a utility's database: {error}", file=sys.stderr)
        return 2
    for period in periods:
        print(
            f"{period['period_start']} to {period['period_end']}: {period['final']} of {period['bills']} bills final, "
            f"{(period['energy_wh'] or 0) / 1000:.3f} kWh, {(period['amount_micro'] or 0) / MICRO:.2f} {period['currency']}"
        )
    energy_wh, final, slots = database.execute(LOADS).fetchone()
    print(f"released feeder loads: {energy_wh / 1000:.3f} kWh in {final} of {slots} slots")
    wrong = database.execute(WRONG).fetchall()
    for row in wrong:
        print(f"{row['meter_id']} {row['period_start']}: {row['amount_micro']} is not {row['rows_micro']}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
