import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../config/index.ts";
import type { OptionValues } from "../../config/runtime/role.ts";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { portsOf } from "./port-flags.ts";

const config = loadConfig({ env: {} });
const ports = (options: OptionValues) => portsOf({ config, options } as RoleContext);

test("flags describe one port; what is missing or does not fit together is told by its flag", () => {
  assert.deepEqual(ports({ port: "/dev/x", kind: "p1", meter: "m-1", baud: "9600" }), [
    { port: "/dev/x", kind: "p1", meter: "m-1", baud: 9_600 },
  ]);
  const cases: [OptionValues, RegExp][] = [
    [{}, /^no port: give --port, --kind and --meter, or list gateway\.ports/],
    [{ port: "x" }, /^--kind is missing/],
    [{ port: "x", kind: "p2", meter: "m-1" }, /^--kind: /],
    [{ port: "x", kind: "p1" }, /^--meter is missing/],
    [{ port: "x", kind: "p1", meter: "m-1", baud: "fast" }, /^--baud: expected a whole number, got fast/],
    [{ port: "x", kind: "p1", meter: "m-1", signOn: true }, /^x: signOn is for d0, not for p1/],
    [{ port: "x", kind: "pulse", meter: "m-1" }, /^x: a pulse input needs pulsesPerKwh/],
    [{ port: "gpio:0", kind: "pulse", meter: "m-1", pulsesPerKwh: "1" }, /a GPIO line is written gpio:/],
    [{ kind: "p1" }, /^--kind: only with --port/],
    [{ meter: "m-9" }, /^--meter m-9: no port of gateway\.ports has this meter/],
  ];
  for (const [options, text] of cases) {
    assert.throws(
      () => ports(options),
      (error: Error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, text);
        return true;
      },
    );
  }
});
