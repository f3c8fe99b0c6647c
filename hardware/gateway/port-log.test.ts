import assert from "node:assert/strict";
import { test } from "node:test";
import { PortLog } from "./port-log.ts";
import { PortError } from "./serial-port.ts";

const RATE = { baudRate: 115_200, dataBits: 8, parity: "none" } as const;

test("a port that is plugged in again is told each time, beside what its device says; one that comes and goes is spared", () => {
  const lines: string[] = [];
  let now = 0;
  const log = new PortLog({
    ...{ port: "/dev/ttyACM0", meter: "m-1", intervalSeconds: 300, now: () => now },
    log: {
      info: (_, message) => lines.push(message),
      warn: (_, message) => lines.push(message),
    },
  });
  log.opened(RATE);
  log.status({ frames: 1 });
  log.gone("unplugged");
  log.failed(new PortError("missing", "no such port"));
  log.opened(RATE);
  log.status({ frames: 2 });
  assert.deepEqual(lines, ["port open", "device status", "refused: port-gone", "refused: port-missing", "port open"]);
  for (let times = 0; times < 1_000; times++) log.opened(RATE);
  const inOneInterval = lines.length;
  assert.equal(lines.filter((line) => line === "port open").length, 5);
  now = 300;
  log.opened(RATE);
  assert.deepEqual(lines.slice(inOneInterval), ["port open"]);
});
