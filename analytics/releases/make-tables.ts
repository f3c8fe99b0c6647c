/** The tables of noised releases at an empty place: started by `npm run database -- move`, which knows rows and no schemas. */
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { RELEASE_TABLES } from "./store.ts";

// The move has the place for itself.
const db = openStore(process.argv[2] ?? "", { synchronous: "FULL" });
migrateStore(db, RELEASE_TABLES);
db.close();
