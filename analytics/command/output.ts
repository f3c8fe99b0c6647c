/** What commands say goes to standard output: text for people, one JSON value for programs. */
import { printable } from "../../protocol/printable.ts";

export function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}
