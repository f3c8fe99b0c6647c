/** The broker of `bench/broker.ts`, in a process of its own so that its processor time can be told apart. */
import { configSchema } from "../config/schema.ts";
import { startBroker } from "../broker/index.ts";

/** What the parent sends first; afterwards every message is answered with the figures so far. */
export interface BrokerStart {
  readonly tls: { readonly key: string; readonly cert: string; readonly ca: string };
}

export interface BrokerFigures {
  readonly port: number;
  readonly cpuMicroseconds: number;
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly residentBytes: number;
  readonly refused: Readonly<Record<string, number>>;
}

process.once("message", (start: BrokerStart) => void serve(start));
process.once("disconnect", () => process.exit(0));

async function serve({ tls }: BrokerStart): Promise<void> {
  const refused: Record<string, number> = {};
  const broker = await startBroker({
    settings: { ...configSchema.parse({}).broker, tlsPort: 0, wssPort: 0, publicPort: 0, connectionsPerSecond: 0 },
    party: { tls },
    revocations: { isRevoked: () => false, learn: () => undefined, count: 0 },
    refusals: { count: (code) => (refused[code] = (refused[code] ?? 0) + 1) },
    onFailure: (error) => {
      throw error;
    },
  });
  const report = (): void => {
    const { user, system } = process.cpuUsage();
    const { messagesReceived, messagesSent } = broker.counters;
    const figures: BrokerFigures = {
      port: broker.ports.tls,
      cpuMicroseconds: user + system,
      messagesReceived,
      messagesSent,
      residentBytes: process.memoryUsage.rss(),
      refused,
    };
    process.send?.(figures);
  };
  process.on("message", report);
  report();
}
