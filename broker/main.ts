/**
 * `npm run broker`: the broker as a process of its own, with its own folder of keys (`<data>/keys/broker`). What it
 * remembers is which meters are revoked (`<data>/broker/broker.db`). With a command: the same rules for another broker.
 */
import { METRICS_OFFSETS, runRole } from "../config/runtime/role-command.ts";
import type { RoleContext } from "../config/runtime/role-command.ts";
import { UsageError } from "../config/runtime/role.ts";
import { attendCommand } from "./commands/attend.ts";
import { embeddedCommand } from "./commands/embedded.ts";
import { exportCommand } from "./commands/export.ts";

async function run(context: RoleContext): Promise<void> {
  const [command, ...rest] = context.operands;
  if (rest.length > 0) throw new UsageError(`one command at a time, got: ${context.operands.join(" ")}`);
  if (command === undefined) return embeddedCommand(context);
  if (command === "export") return exportCommand(context);
  if (command === "attend") return attendCommand(context);
  throw new UsageError(`unknown command "${command}": expected export or attend, or none to run the embedded broker`);
}

await runRole({
  name: "broker",
  metricsOffset: (_options, [verb]) => (verb === "export" ? undefined : METRICS_OFFSETS.broker),
  description: "Carries sealed messages between the parties: MQTT over mutual TLS, over WebSocket, and public topics.",
  operands: "[command]",
  flags: [
    { flags: "--for <engine>", description: "mosquitto, nats or emqx (export, attend)" },
    { flags: "--out <dir>", description: "folder of the engine's files; <data>/broker/<engine> if left out" },
    { flags: "--nodes <number>", description: "nodes of a NATS cluster on this machine: 1, 3 or 5 (attend; 3)" },
  ],
  help: [
    "Commands (without one: run the embedded broker):",
    "  export --for mosquitto    write the configuration and the rules of another broker",
    "  attend --for nats         run that broker on this machine, and keep its rules up to date",
    "",
    "Ports and limits are the section `broker` of the configuration. Public topics can be read on this machine:",
    "  mosquitto_sub -p 1883 -t 'wv/1/pub/#'",
  ].join("\n"),
  examples: [
    "npm run broker",
    "npm run broker -- --config wattveil.yaml",
    "npm run broker -- --set broker.listen=0.0.0.0 --set broker.tlsPort=8884",
    "npm run broker -- export --for mosquitto --out /etc/mosquitto/wattveil",
    "npm run broker -- attend --for nats --nodes 3",
  ],
  run,
});
