/** The port that a command is about: from its flags, or from the configuration. */
import { portFault } from "../../config/checks-gateway.ts";
import type { OptionValues } from "../../config/runtime/role.ts";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { type PortSettings, portSettings } from "../../config/schema-gateway.ts";

/** Flags that describe a port. */
export const PORT_FLAGS = [
  { flags: "--port <port>", description: "serial port, or gpio:<chip>/<line> for pulses; instead of gateway.ports" },
  { flags: "--kind <kind>", description: "wattveil, p1, sml, d0 or pulse" },
  { flags: "--meter <id>", description: "the meter behind the port; its keys are in <data>/keys/<meter>" },
  {
    flags: "--baud <rate>",
    description: "baud rate; left out: the usual one of the kind, for p1 the one that is found",
  },
  { flags: "--pulses-per-kwh <n>", description: "pulse and provision: as printed on the meter" },
  { flags: "--key-file <file>", description: "p1: 32 hex digits, for meters that encrypt" },
  { flags: "--sign-on", description: "d0: ask the meter, which does not speak by itself" },
] as const;

const FLAG_OF = {
  port: "--port",
  kind: "--kind",
  meter: "--meter",
  baud: "--baud",
  pulsesPerKwh: "--pulses-per-kwh",
  keyFile: "--key-file",
  signOn: "--sign-on",
} as const;
type Name = keyof typeof FLAG_OF;
const NAMES = Object.keys(FLAG_OF) as Name[];

function numberOf(name: Name, options: OptionValues): unknown {
  const value = options[name];
  if (typeof value !== "string" || (name !== "baud" && name !== "pulsesPerKwh")) return value;
  if (!/^\d+$/.test(value)) throw new UsageError(`${FLAG_OF[name]}: expected a whole number, got ${value}`);
  return Number(value);
}

/**
 * One port from the flags, else those of `gateway.ports`; with `--meter` alone the one of that meter. `byDefault` is
 * taken for flags that are left out. Throws UsageError, naming the flag.
 */
export function portsOf({ config, options }: RoleContext, byDefault: Partial<PortSettings> = {}): PortSettings[] {
  const given = NAMES.filter((name) => options[name] !== undefined);
  if (options["port"] === undefined) {
    const stray = given.find((name) => name !== "meter");
    if (stray !== undefined) throw new UsageError(`${FLAG_OF[stray]}: only with --port`);
    const meter = options["meter"] as string | undefined;
    const ports = config.gateway.ports.filter((one) => meter === undefined || one.meter === meter);
    if (ports.length > 0) return ports;
    if (meter !== undefined) throw new UsageError(`--meter ${meter}: no port of gateway.ports has this meter`);
    throw new UsageError("no port: give --port, --kind and --meter, or list gateway.ports in the configuration");
  }
  const values = Object.fromEntries(given.map((name) => [name, numberOf(name, options)]));
  const parsed = portSettings.safeParse({ ...byDefault, ...values });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0] ?? "port");
    const flag = name in FLAG_OF ? FLAG_OF[name as Name] : name;
    const missing = values[name] === undefined;
    throw new UsageError(missing ? `${flag} is missing` : `${flag}: ${issue?.message ?? "not understood"}`);
  }
  const fault = portFault(parsed.data);
  if (fault !== undefined) throw new UsageError(fault);
  return [parsed.data];
}
