/**
 * The thread that holds one connection to PostgreSQL. It takes a command, answers it, and wakes the thread that waits. It
 * never connects a second time: what a lost connection has done or not done is found out by a process that starts anew.
 */
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { workerData } from "node:worker_threads";
import { Client } from "pg";
import {
  type Answer,
  type Command,
  ownBytes,
  type Refusal,
  type Rows,
  type SqlValue,
  type ThreadData,
} from "./wire.ts";

const DATA = workerData as ThreadData;
const RETRY_MILLISECONDS = 200;
const NOTHING: Rows = { columns: [], rows: [], changes: 0, command: "" };
const OID = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, oid: 26, float4: 700, float8: 701, numeric: 1700 };

/** The numbers, bytes and truths of SQLite: roles get the same of both. */
const PARSERS = new Map<number, (text: string) => SqlValue>([
  [OID.bool, (text) => (text === "t" ? 1 : 0)],
  [OID.bytea, (text) => ownBytes(Buffer.from(text.slice(2), "hex"))],
  ...[OID.int8, OID.int2, OID.int4, OID.oid].map((oid) => [oid, exactInteger] as const),
  ...[OID.float4, OID.float8, OID.numeric].map((oid) => [oid, Number] as const),
]);

/** Throws RangeError beyond 2^53, where a number would be another one. */
function exactInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`expected an integer below 2^53, got ${text}`);
  return value;
}

const types = { getTypeParser: (oid: number) => PARSERS.get(oid) ?? String };

let client: Client | undefined;
let lost: Refusal | undefined;

/** The server names what it refuses by five characters; whatever ends the connection has another code, or a class of these. */
const ENDS = /^(08|57P0|58)/;

function refusalOf(error: unknown, isLost = false): Refusal {
  if (!(error instanceof Error)) return { message: String(error), lost: true };
  const { code, severity } = error as Error & { code?: string; severity?: string };
  const isOfServer = severity !== undefined && code?.length === 5;
  const ended = isLost || !isOfServer || ENDS.test(code) || severity === "FATAL" || severity === "PANIC";
  // Details of the server name values of rows: they stay there.
  return { message: error.message, code, lost: ended && !(error instanceof RangeError) };
}

/** A server that starts refuses at first, and so does a name that is not known yet. */
function mayStart(error: unknown): boolean {
  return ["ECONNREFUSED", "ENOENT", "EAI_AGAIN", "57P03"].includes(String((error as { code?: unknown }).code));
}

async function connect(): Promise<void> {
  const deadline = performance.now() + DATA.connectMilliseconds;
  for (;;) {
    const left = Math.max(1, Math.ceil(deadline - performance.now()));
    const made = new Client({
      connectionString: DATA.url,
      application_name: DATA.application,
      connectionTimeoutMillis: left,
      keepAlive: true,
      pipeline: true,
    });
    made.on("error", (error) => (lost ??= refusalOf(error, true)));
    try {
      await made.connect();
      client = made;
      lost = undefined;
      return;
    } catch (error) {
      if (!mayStart(error) || performance.now() + RETRY_MILLISECONDS > deadline) throw error;
      await setTimeout(RETRY_MILLISECONDS);
    }
  }
}

async function execute({ sql, runs, name, script }: Command): Promise<Rows> {
  if (client === undefined) throw new TypeError("expected a connection");
  if (script === true) {
    // Of several statements there are several results.
    const results = [await client.query(sql)].flat();
    return { ...NOTHING, command: results.at(-1)?.command ?? "" };
  }
  const query = { text: sql, rowMode: "array", types, ...(name !== undefined && { name }) } as const;
  const sent = runs.map((values) => client!.query<SqlValue[]>({ ...query, values: [...values] }));
  let changes = 0;
  // The first that failed says why; those behind it only that the transaction was over.
  for (const result of await Promise.allSettled(sent)) {
    if (result.status === "rejected") throw result.reason;
    changes += result.value.rowCount ?? 0;
  }
  const last = await sent.at(-1);
  if (last === undefined) return NOTHING;
  return { columns: last.fields.map((field) => field.name), rows: last.rows, changes, command: last.command };
}

function answer(message: Answer): void {
  DATA.port.postMessage(message);
  Atomics.add(DATA.answered, 0, 1);
  Atomics.notify(DATA.answered, 0);
}

async function take(command: Command | "connect" | "end"): Promise<void> {
  try {
    if (command === "connect") await connect();
    else if (command === "end") await client?.end();
    else if (lost === undefined) {
      answer({ result: await execute(command) });
      return;
    } else {
      answer({ refusal: lost });
      return;
    }
    answer({ result: NOTHING });
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal.lost) lost ??= refusal;
    answer({ refusal });
  }
  if (command === "end") DATA.port.close();
}

// One at a time: the other side waits for each answer.
DATA.port.on("message", (command: Command | "connect" | "end") => void take(command));
// Whoever waits must not wait for nothing.
process.on("uncaughtException", (error) => {
  lost ??= refusalOf(error, true);
  answer({ refusal: lost });
});
