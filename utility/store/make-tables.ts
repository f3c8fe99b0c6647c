/** The utility's tables at an empty place: started by `npm run database -- move`, which knows rows and no schemas. */
import { openUtilityDatabase } from "./open.ts";

const db = await openUtilityDatabase(process.argv[2] ?? "");
await db.destroy();
