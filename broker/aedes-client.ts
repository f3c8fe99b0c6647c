/** What of Aedes' clients its types do not tell. */
import type { Client } from "aedes";
import { Gate } from "./gate.ts";

/** The gate that a client's packets come through. */
export function gateOf(client: Client): Gate {
  if (client.conn instanceof Gate) return client.conn;
  throw new RangeError("client: does not come through a gate");
}

/**
 * Calls `onThrow` with whatever parsing or handling a client's bytes throws. mqtt-packet reports what it finds wrong, but
 * nothing that a client sends may end the process, whatever a parser overlooks.
 */
export function guardParser(client: Client, onThrow: (error: unknown) => void): void {
  const { _parser: parser } = client as unknown as { _parser: { parse(bytes: Buffer): number } };
  const parse = parser.parse.bind(parser);
  parser.parse = (bytes) => {
    try {
      return parse(bytes);
    } catch (error) {
      onThrow(error);
      return 0;
    }
  };
}
