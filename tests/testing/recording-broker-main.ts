/**
 * The real broker as a process of its own, which also writes down every byte that passes it: what a curious broker has.
 * One JSON line for each piece, in `recording.jsonl` beside its configuration; nothing else differs from `broker/main.ts`.
 */
import { openSync, writeSync } from "node:fs";
import path from "node:path";
import { Gate } from "../../broker/gate.ts";
import { RECORDING_FILE } from "./recording.ts";

const config = process.argv[process.argv.indexOf("--config") + 1]!;
const recording = openSync(path.join(path.dirname(config), RECORDING_FILE), "a");

/** A meter may have two connections at the same time, whose bytes are two streams. */
const connections = new WeakMap<Gate, number>();
let count = 0;

function note(way: "in" | "out", gate: Gate, bytes: Uint8Array): void {
  const connection = connections.get(gate) ?? ++count;
  connections.set(gate, connection);
  const line = { way, client: gate.identity.id, connection, hex: Buffer.from(bytes).toString("hex") };
  writeSync(recording, `${JSON.stringify(line)}\n`);
}

/* eslint-disable @typescript-eslint/unbound-method -- called below with the gate that it belongs to */
const { read, write } = Gate.prototype;
/* eslint-enable @typescript-eslint/unbound-method */
Gate.prototype.read = function (this: Gate, size?: number) {
  const bytes = read.call(this, size);
  if (bytes !== null) note("in", this, bytes);
  return bytes;
};
Gate.prototype.write = function (this: Gate, piece: unknown) {
  note("out", this, Buffer.from(piece as Buffer | string));
  return write.call(this, piece);
};

await import("../../broker/main.ts");
