import assert from "node:assert/strict";
import { test } from "node:test";
import { GRID_CHECKS } from "./checks-grid.ts";
import { type Config, configSchema } from "./schema.ts";

test("a grid in operation has samples from somewhere, made-up ones in no production system, and a band", () => {
  const faults = (settings: object): (string | undefined)[] =>
    GRID_CHECKS.map(({ fault }) => fault(configSchema.parse(settings) as Config));
  assert.deepEqual(faults({ grid: { enabled: true } }), [undefined, undefined, undefined]);
  assert.match(faults({ grid: { enabled: true, scada: "csv" } })[0]!, /names no grid.scadaFile/);
  assert.match(faults({ grid: { enabled: true, scada: "mqtt" } })[0]!, /names no grid.scadaUrl/);
  assert.equal(faults({ grid: { enabled: true, scada: "mqtt", scadaUrl: "mqtt://scada" } })[0], undefined);
  assert.match(faults({ grid: { enabled: true }, system: { production: true } })[1]!, /simulated samples/);
  assert.equal(faults({ grid: { enabled: false }, system: { production: true } })[1], undefined);
  assert.match(faults({ grid: { vMinPu: 1, vMaxPu: 0.9 } })[2]!, /1 p.u. is not below 0.9 p.u./);
});
