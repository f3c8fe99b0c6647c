/**
 * `npm run maintenance -- simulate|fit|evaluate|schedule|compare`: simulated histories of transformers and lines, a hazard
 * model from them or from real ones, and what to maintain when. It reads and writes files; it asks no other party.
 */
import { runRole } from "../../config/runtime/role-command.ts";
import { MAINTENANCE } from "./command/maintenance.ts";

await runRole(MAINTENANCE);
