/** The tables of accounts at an empty place: started by `npm run database -- move`, which knows rows and no schemas. */
import { AccessStore } from "./access-store.ts";

AccessStore.open(process.argv[2] ?? "").close();
