/** Writes the vector files of the folder above anew. Run it after a change of the wire protocol, and read the diff. */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { VECTOR_NAMES, vectorText } from "../generate.ts";

for (const name of VECTOR_NAMES) {
  const file = new URL(`../${name}.json`, import.meta.url);
  writeFileSync(file, vectorText(name));
  process.stdout.write(`wrote ${file.pathname}\n`);
}
