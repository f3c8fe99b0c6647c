/** `npm run enrol -- redeal`: deals new CKKS keys, and says what that means for what was encrypted before. */
import { join } from "node:path";
import { EXIT, type RoleContext, UsageError } from "../runtime/role-command.ts";
import type { DealingProgress } from "./ckks-deal.ts";
import { ckksPlan } from "./ckks-plan.ts";
import { redealCkks } from "./ckks-redeal.ts";
import { openAuthority } from "./system.ts";

export async function redealCommand(context: RoleContext): Promise<number> {
  const { config, json } = context;
  const plan = ckksPlan(config);
  if (plan === undefined) {
    throw new UsageError(
      "redeal: homomorphic.enabled is false (--set homomorphic.enabled=true, or in the --config file)",
    );
  }
  const started = performance.now();
  const keys = join(config.paths.data, "keys");
  const authority = openAuthority(keys);
  const onProgress = dealingProgress(context);
  const epoch = await redealCkks({ keys, authority, plan, now: Date.now() / 1000, onProgress });
  const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
  const sets = plan.sets.map(({ parameters }) => parameters.name);
  const { n, t } = authority.directory;
  process.stdout.write(
    json ? `${JSON.stringify({ epoch, sets, aggregators: n, threshold: t, seconds })}\n` : explain(epoch, sets, n, t),
  );
  return EXIT.ok;
}

function explain(epoch: number, sets: readonly string[], n: number, t: number): string {
  const lines = [
    `epoch ${epoch} is dealt: ${sets.join(", ")}; any ${t} of ${n} aggregators open its results`,
    "Hand on the changed files: ckks.cose to analytics, utility, aggregators and meters, ckks-share.bin to its aggregator,",
    `before them the folder ckks/${epoch} to everyone. Nobody needs a restart; meters encrypt for the new epoch from there on.`,
  ];
  if (epoch > 1) {
    lines.push(
      "What was encrypted before opens with the shares of its own epoch only: aggregators keep them, and whoever lost",
      "theirs cannot help to open it. Windows of two epochs are never added up.",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** Lines on stderr while keys are made; quiet for scripts. */
export function dealingProgress({ json }: Pick<RoleContext, "json">): DealingProgress {
  return (set, index, total) => {
    if (!json) process.stderr.write(`making the CKKS keys of ${set} (${index} of ${total})\n`);
  };
}
