/** `npm run learn -- coordinate --plan FILE`: leads one campaign over MQTT with the keys of analytics, and goes on after a kill. */
import { runRole } from "../config/runtime/role-command.ts";
import { runCoordinator } from "./federated/coordinator/run.ts";

await runRole({
  name: "learn coordinate",
  description: "Leads a campaign of federated learning: announces its rounds, applies what is opened, saves the model.",
  party: () => "coordinator",
  flags: [{ flags: "--plan <file>", description: "the campaign, as JSON (docs/learning.md)", required: true }],
  help: `It goes by the keys of analytics; a broker lets one process at a time do so.
The state, the model and campaign.json are in <data>/learning.

Exit codes: 0 the campaign is over; 1 something failed; 2 wrong usage or plan; 130 interrupted: it goes on from there.`,
  examples: ["npm run learn -- coordinate --plan campaign.json --config wattveil.yaml"],
  run: runCoordinator,
});
