/**
 * `npm run learn -- ask histogram ...` and `npm run learn -- releases`: asks the running analytics for noised loads and
 * histograms, waits for them, and lists them. It writes requests into analytics' database, and holds no key.
 */
import { runRole } from "../config/runtime/role-command.ts";
import { runReleases } from "./releases/command.ts";

await runRole({
  name: "learn",
  description: "Noised loads and histograms of homes: asks for one, says what it would cost, or lists those there are.",
  operands: "<command...>",
  logFiles: false,
  flags: [
    { flags: "--name <name>", description: "of the release (default: what is asked for)" },
    { flags: "--from <date>", description: "first local day; the newest days that are over when left out" },
    { flags: "--days <number>", description: "days from there on (default 1)" },
    { flags: "--kind <kind>", description: "import (default) or export" },
    { flags: "--of <what>", description: "histogram: day-energy (default) or slot-energy" },
    { flags: "--edges <numbers>", description: "histogram: between buckets, in Wh, as in 5000,10000,20000" },
    {
      flags: "--clip <number>",
      description: "greatest norm of a home's vector; load: in Wh, needed; histogram: counts",
    },
    { flags: "--epsilon <number>", description: "what it costs a home that takes part (default 1)" },
    { flags: "--min-meters <number>", description: "fewest homes (default learning.minMeters)" },
    {
      flags: "--colluders <number>",
      description: "homes that may tell their noise (default by learning.colluderShare)",
    },
    { flags: "--round-seconds <number>", description: "homes have so long to take part (default 600)" },
    { flags: "--dry-run", description: "says how noisy it would be and what it would cost; asks nobody" },
    { flags: "--again", description: "asks anew, and costs homes anew, where the same was opened already" },
    { flags: "--no-wait", description: "returns when it is written down" },
    { flags: "--limit <number>", description: "releases: at most so many, the newest (default 50)" },
  ],
  help: `Commands:
  ask load        energy of all homes in each slot, with noise
  ask histogram   in how many days (or slots) of homes the energy lay between edges, with noise
  releases        those that were asked for, here or by analytics.releases
  release N       one of them, with its values

The same question again gives the answer there is, and costs nobody anything. Values carry noise and may be negative.

Exit codes: 0 opened, asked or listed; 1 nothing was opened; 2 wrong usage or configuration; 130 interrupted: what was
asked for goes on, \`npm run learn -- releases\` shows it.`,
  examples: [
    "npm run learn -- ask histogram --edges 4000,8000,16000 --epsilon 1 --dry-run",
    "npm run learn -- ask histogram --edges 4000,8000,16000 --from 2025-01-15 --min-meters 200",
    "npm run learn -- ask load --clip 20000 --epsilon 2 --json",
    "npm run learn -- releases --limit 10",
  ],
  run: runReleases,
});
