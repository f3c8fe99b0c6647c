/**
 * `npm run grid -- flow case33bw`: power flow, made-up grids, simulated SCADA and state estimation. It reads and writes
 * files; it asks no other party.
 */
import { runRole } from "../../config/runtime/role-command.ts";
import { GRID } from "./command/grid.ts";

await runRole(GRID);
