/** What the fields of a gateway must agree on: each port its meter, and settings only where their kind has them. */
import { type Check, unless } from "./check.ts";
import type { PortKind, PortSettings } from "./schema-gateway.ts";

/** Settings that only some kinds of port have. */
const ONLY_FOR: Readonly<Partial<Record<keyof PortSettings, readonly PortKind[]>>> = {
  pulsesPerKwh: ["pulse"],
  keyFile: ["p1"],
  signOn: ["d0"],
};

/** A line of a GPIO chip, as gpiodetect lists chips and gpioinfo their lines. */
const GPIO_PORT = /^gpio:[A-Za-z0-9_-]+\/\d{1,4}$/;

/** What is wrong with the settings of one port, or undefined. */
export function portFault(settings: PortSettings): string | undefined {
  const { port, kind, pulsesPerKwh, baud } = settings;
  for (const [name, kinds] of Object.entries(ONLY_FOR)) {
    if (settings[name as keyof PortSettings] !== undefined && !kinds.includes(kind)) {
      return `${port}: ${name} is for ${kinds.join(" or ")}, not for ${kind}`;
    }
  }
  if (kind === "pulse" && pulsesPerKwh === undefined) return `${port}: a pulse input needs pulsesPerKwh`;
  if (!port.startsWith("gpio:")) return undefined;
  if (kind !== "pulse") return `${port}: a GPIO line takes pulses only, not ${kind}`;
  if (!GPIO_PORT.test(port)) return `${port}: a GPIO line is written gpio:<chip>/<line>, as gpio:gpiochip0/17`;
  return unless(baud === undefined, `${port}: a GPIO line has no baud rate`);
}

function doubled(values: readonly string[]): string | undefined {
  return values.find((value, at) => values.indexOf(value) !== at);
}

export const GATEWAY_CHECKS: readonly Check[] = [
  {
    fields: ["gateway.ports"],
    rule: "Each port and each meter is listed once, with the settings that its kind has",
    fault: ({ gateway: { ports } }) => {
      const port = doubled(ports.map((one) => one.port));
      if (port !== undefined) return `${port} is listed twice`;
      const meter = doubled(ports.map((one) => one.meter));
      if (meter !== undefined) return `${meter} is listed at two ports`;
      return ports.map(portFault).find((fault) => fault !== undefined);
    },
  },
  {
    fields: ["gateway.retryMinSeconds", "gateway.retryMaxSeconds"],
    rule: "The first wait before a port is opened again does not exceed the longest",
    fault: ({ gateway: { retryMinSeconds, retryMaxSeconds } }) =>
      unless(retryMinSeconds <= retryMaxSeconds, `the first wait (${retryMinSeconds} s) exceeds the longest`),
  },
];
