/**
 * The same work on both databases: what one aggregator takes in, on SQLite and on a PostgreSQL server that is started for
 * it and waits for its disk as a real one. Turn by turn, so that both meet the same machine.
 */
import { isOnPath, searchPath } from "../scripts/needs.ts";
import { TemporaryServer } from "../config/runtime/postgres/temporary-server.ts";
import { type IntakeBenchResult, run as intake } from "./aggregator-intake.ts";
import type { BenchOptions } from "./bench.ts";
import { figure, figuresTable } from "./words.ts";

const TURNS = 3;

export async function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  if (!isOnPath("initdb", searchPath(process.env["PATH"] ?? ""))) throw new Error("PostgreSQL is not installed");
  const messages = quick ? 15_000 : 60_000;
  const server = await TemporaryServer.start({ durable: true });
  try {
    const sqlite: IntakeBenchResult[] = [];
    const postgres: IntakeBenchResult[] = [];
    const worker: IntakeBenchResult[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      sqlite.push(intake({ messages }));
      postgres.push(intake({ messages, place: server.place(`turn_${turn}`) }));
      worker.push(intake({ messages, place: server.place(`worker_${turn}`), asWorker: true }));
    }
    const result = { messages, sqlite: median(sqlite), postgres: median(postgres), worker: median(worker) };
    if (!json) console.log(described(result));
    return result;
  } finally {
    await server.stop();
  }
}

/** By the rate: the one in the middle. */
function median(results: readonly IntakeBenchResult[]): IntakeBenchResult {
  return results.toSorted((a, b) => a.messagesPerSecond - b.messagesPerSecond)[Math.floor(results.length / 2)]!;
}

type Described = Readonly<Record<"sqlite" | "postgres" | "worker", IntakeBenchResult>>;

function described({ sqlite, postgres, worker }: Described): string {
  const row = (name: string, one: IntakeBenchResult): string[] => [
    name,
    figure(one.messagesPerSecond),
    figure(one.cpuMicrosecondsPerMessage, 1),
  ];
  return figuresTable(
    ["intake of one aggregator", "messages per second", "µs of its processor time per message"],
    [row("SQLite", sqlite), row("PostgreSQL", postgres), row("PostgreSQL, one of several workers", worker)],
  );
}
