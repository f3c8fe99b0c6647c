/** What the calling thread and the thread that holds the connection to PostgreSQL say to each other. */
import type { MessagePort } from "node:worker_threads";

/** A value of a parameter or of a row: what SQLite knows, too. */
export type SqlValue = number | bigint | string | Uint8Array | null;

export interface Command {
  readonly sql: string;
  /** Several statements behind each other, without parameters. */
  readonly script?: boolean;
  /** The same statement once for each; only the last one's answer comes back, with all their changes. */
  readonly runs: readonly (readonly SqlValue[])[];
  /** The statement is kept on the server under this name. */
  readonly name?: string | undefined;
}

export interface Rows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
  /** Rows that were written or deleted. */
  readonly changes: number;
  /** What the server says that it has done: `COMMIT`, or `ROLLBACK` in its place. */
  readonly command: string;
}

/** An error of the server, with its SQLSTATE, or of the connection, which has a code of the system or none. */
export interface Refusal {
  readonly message: string;
  readonly code?: string | undefined;
  /** The connection is of no use any more: nobody knows what became of the last command. */
  readonly lost: boolean;
}

export type Answer = { readonly result: Rows } | { readonly refusal: Refusal };

export interface ThreadData {
  readonly port: MessagePort;
  /** Without a password: that is looked for as libpq does. */
  readonly url: string;
  /** Shown in `pg_stat_activity`. */
  readonly application: string;
  /** A server that is just starting is tried for so long. */
  readonly connectMilliseconds: number;
  /** Counts the answers; the calling thread waits on it. */
  readonly answered: Int32Array;
}

/** Bytes with a buffer of their own: a message takes along all of the buffer that a view looks at. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes);
}
