/**
 * The tables of an aggregator at an empty place, with room for what the file of another one holds: started by
 * `npm run database -- move`, which knows rows and no schemas. Arguments: the place, the file.
 */
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { STRETCH_DAYS } from "./block.ts";
import { BlockCache } from "./block-cache.ts";
import { MIGRATIONS } from "./schema.ts";
import { sharePartitions } from "./share-partitions.ts";

const [place = "", file = ""] = process.argv.slice(2);
const source = openStore(file, { synchronous: "NORMAL", readonly: true });
const target = openStore(place, { synchronous: "FULL" });
migrateStore(target, MIGRATIONS);
const partitions = sharePartitions(target);
const series = [...new BlockCache(source, 0).series()];
for (const stretch of sharePartitions(source).endedBefore(2 ** 26, series)) {
  partitions.prepare(STRETCH_DAYS * stretch, STRETCH_DAYS * stretch);
}
target.close();
source.close();
