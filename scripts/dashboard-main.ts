/** `npm run dashboard -- types`: writes the types of the HTTP interface's answers that the dashboard is made with. */
import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { dashboardTypes, TYPES_FILE } from "./dashboard-types.ts";

const program = new Command("npm run dashboard --").description(
  "What the dashboard's makers need. The HTTP interface builds and serves it.",
);
program
  .command("types")
  .description("writes the types of the HTTP interface's answers (utility/dashboard/api/schema.d.ts)")
  .action(async () => {
    writeFileSync(TYPES_FILE, await dashboardTypes());
    console.log(`written: ${TYPES_FILE}`);
  });
await program.parseAsync();
