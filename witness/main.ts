/** `npm run witness`: cosigns the checkpoints of logs, over HTTP. `npm run witness -- key` prints its public key. */
import path from "node:path";
import { METRICS_OFFSETS, EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { announceReady } from "../config/runtime/role-report.ts";
import { aborted } from "../config/runtime/stop-signal.ts";
import { formatKey, parseKey } from "../protocol/log/index.ts";
import { witnessFolder, witnessKey } from "./key.ts";
import { listen } from "./server.ts";
import { WitnessStore } from "./store.ts";
import { Witness } from "./witness.ts";

async function run({ config, log, operands, json, signal }: RoleContext): Promise<number> {
  const { name, host, port, logs } = config.witness;
  const [verb, ...more] = operands;
  if ((verb !== undefined && verb !== "key") || more.length > 0) {
    throw new UsageError(`expected key or nothing, got ${operands.join(" ")}`);
  }
  const folder = witnessFolder(config.paths.data, name);
  const { signer, key } = witnessKey(folder, name);
  if (verb === "key") {
    process.stdout.write(json ? `${JSON.stringify({ key: formatKey(key) })}\n` : `${formatKey(key)}\n`);
    return EXIT.ok;
  }
  if (logs.length === 0)
    throw new UsageError("witness.logs: name the logs to cosign (npm run ledger -- key prints a log's key)");
  const store = new WitnessStore(path.join(folder, "witness.db"));
  try {
    const now = (): number => Math.floor(Date.now() / 1_000);
    const witness = new Witness({ signer, logs: logs.map((text) => parseKey(text)), store, now });
    const server = await listen({ witness, host, port, log }).catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      throw new UsageError(`witness.port: ${host}:${port} cannot be listened on (${code ?? String(error)})`);
    });
    announceReady({ id: name, port: server.port });
    log.info({ name, port: server.port, logs: logs.length }, "witness is ready");
    process.stderr.write(`${name} listens on http://${host}:${server.port}\n`);
    await aborted(signal);
    await server.close();
    return EXIT.ok;
  } finally {
    store.close();
  }
}

await runRole({
  name: "witness",
  metricsOffset: (_options, [verb]) => (verb === undefined ? METRICS_OFFSETS.witness : undefined),
  description: "Cosigns what a log has signed, if it goes on from what was cosigned before.",
  operands: "[command]",
  flags: [
    { flags: "--name <name>", description: "its name in cosignatures (witness.name)", path: "witness.name" },
    { flags: "--port <number>", description: "where it listens (witness.port)", path: "witness.port" },
  ],
  help: "Commands (without one: listen):\n  key    prints the public key, for log.witnesses of the utility and its customers",
  examples: [
    "npm run witness -- key --name witness.example/1",
    "npm run witness -- --name witness.example/1 --set 'witness.logs=[\"wattveil/...+...\"]'",
  ],
  run,
});
