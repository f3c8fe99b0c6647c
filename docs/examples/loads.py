#!/usr/bin/env python3
"""Feeder loads as they are released, for a program of yours.

Reads what `mosquitto_sub` prints, so it needs no library:

    mosquitto_sub -h 127.0.0.1 -p 1883 -t 'wv/1/pub/feeder/+/load' | python3 docs/examples/loads.py

One line for each load: feeder, start of the slot (UTC), mean kilowatts over it. Only final loads are published. Stop it
with Ctrl-C, or with --count when so many have come.
"""

import argparse
import datetime
import json
import sys


def line_of(message: dict) -> str:
    start = datetime.datetime.fromtimestamp(message["slotStart"], datetime.timezone.utc)
    hours = message["slotSeconds"] / 3600
    value = f"{message['energyWh'] / 1000 / hours:.3f} kW"
    return f"{message['feederId']}  {start:%Y-%m-%d %H:%M}  {value}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Prints released feeder loads from mosquitto_sub.")
    parser.add_argument("--count", type=int, help="end after so many loads")
    count = parser.parse_args().count
    for done, text in enumerate(sys.stdin, start=1):
        try:
            print(line_of(json.loads(text)), flush=True)
        except (ValueError, KeyError, TypeError) as error:
            print(f"line {done} is no released load: {error!r}", file=sys.stderr)
            return 1
        if done == count:
            break
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
