/** Writes minimax-table.ts anew: npx tsx protocol/ckks/circuits/testing/minimax-write-main.ts, then format it. */
import { writeFileSync } from "node:fs";
import { tableSource } from "./minimax-write.ts";

writeFileSync(new URL("../minimax-table.ts", import.meta.url), tableSource());
