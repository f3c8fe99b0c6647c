/**
 * `npm run renewables -- weather|mix|forecast|hosting`: sun and wind from the weather, and how much of them a feeder can
 * take. It reads and writes files; it asks no other party.
 */
import { runRole } from "../../config/runtime/role-command.ts";
import { RENEWABLES } from "./command/renewables.ts";

await runRole(RENEWABLES);
