/** A stranger who reads the public topics during a run, and keeps all that was said: the checker holds it against the truth. */
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { connect } from "mqtt";
import { filterOf } from "../../protocol/topics.ts";

/** A line of the file. */
export interface Observed {
  readonly topic: string;
  readonly payload: string;
}

export interface Observer {
  readonly messages: () => number;
  close(): Promise<void>;
}

const RECONNECT_MILLISECONDS = 300;

/** Connects, and again whenever the broker is gone, until it is closed. */
export function observe(port: number, file: string): Observer {
  const lines = createWriteStream(file);
  let messages = 0;
  const client = connect({
    host: "127.0.0.1",
    port,
    protocol: "mqtt",
    clientId: `chaos-observer-${process.pid}`,
    reconnectPeriod: RECONNECT_MILLISECONDS,
    connectTimeout: 5_000,
    resubscribe: false,
  });
  client.on("error", () => undefined);
  client.on("connect", () => {
    client.subscribe([filterOf("feederLoad"), filterOf("logCheckpoint")], { qos: 1 }, () => undefined);
  });
  client.on("message", (topic, payload) => {
    messages += 1;
    lines.write(`${JSON.stringify({ topic, payload: payload.toString("utf8") } satisfies Observed)}\n`);
  });
  return {
    messages: () => messages,
    close: async () => {
      await client.endAsync(true);
      lines.end();
      await once(lines, "finish");
    },
  };
}
