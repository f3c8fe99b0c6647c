/** Reads what the recording broker wrote down: the published messages with their senders, and all bytes as they are. */
import { readFileSync } from "node:fs";
import mqttPacket from "mqtt-packet";

/** In the folder of the broker's configuration. */
export const RECORDING_FILE = "recording.jsonl";

export interface Published {
  readonly from: string;
  readonly topic: string;
  readonly payload: Buffer;
}

export interface Recording {
  readonly published: readonly Published[];
  /** Everything in and out, connection by connection. */
  readonly bytes: readonly Buffer[];
}

interface Line {
  readonly way: "in" | "out";
  readonly client: string;
  readonly connection: number;
  readonly hex: string;
}

export function readRecording(file: string): Recording {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  const published: Published[] = [];
  const streams = new Map<string, Buffer[]>();
  const parsers = new Map<number, mqttPacket.Parser>();
  for (const { way, client, connection, hex } of lines) {
    const bytes = Buffer.from(hex, "hex");
    const stream = `${way} ${client} ${connection}`;
    streams.set(stream, [...(streams.get(stream) ?? []), bytes]);
    if (way === "out") continue;
    if (!parsers.has(connection)) parsers.set(connection, newParser(client, published));
    parsers.get(connection)!.parse(bytes);
  }
  return { published, bytes: [...streams.values()].map((pieces) => Buffer.concat(pieces)) };
}

function newParser(from: string, published: Published[]): mqttPacket.Parser {
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", (packet) => {
    if (packet.cmd !== "publish") return;
    published.push({ from, topic: packet.topic, payload: Buffer.from(packet.payload) });
  });
  return parser;
}
