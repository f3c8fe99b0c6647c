/** The tables of analytics at an empty place: started by `npm run database -- move`, which knows rows and no schemas. */
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { MIGRATIONS } from "./schema.ts";

// The move has the place for itself.
const db = openStore(process.argv[2] ?? "", { synchronous: "FULL" });
migrateStore(db, MIGRATIONS);
db.close();
