/** The log of a run: JSON lines with the seconds since its beginning. */
import { createWriteStream } from "node:fs";
import { once } from "node:events";

export interface RunLog {
  write(what: string, fields: object): void;
  close(): Promise<void>;
}

export function openRunLog(file: string): RunLog {
  const stream = createWriteStream(file, { mode: 0o600 });
  const startedAt = performance.now();
  return {
    write: (what, fields) => {
      const seconds = Math.round(performance.now() - startedAt) / 1_000;
      stream.write(`${JSON.stringify({ seconds, what, ...fields })}\n`);
    },
    close: async () => {
      stream.end();
      await once(stream, "finish");
    },
  };
}
