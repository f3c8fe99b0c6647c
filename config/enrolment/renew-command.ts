/** `npm run enrol -- renew` and `retire`: certificates in place of others, while everything runs. */
import { join } from "node:path";
import { EXIT, type RoleContext, UsageError } from "../runtime/role-command.ts";
import { renew, retire } from "./renewal.ts";
import { openAuthority } from "./system.ts";

export async function renewCommand(context: RoleContext): Promise<number> {
  const party = partyOption(context, "renew");
  const hosts = context.options["hosts"];
  const renewed = await renew(opened(context), party, typeof hosts === "string" ? hosts.split(",") : undefined);
  say(context, renewed, [
    `${party} has a new key and a new certificate (${renewed.serial}); the one before goes on counting.`,
    `Where ${party} runs elsewhere, hand it identity.key and identity.crt; nobody needs a restart.`,
    `Then: npm run enrol -- retire --party ${party}`,
  ]);
  return EXIT.ok;
}

export async function retireCommand(context: RoleContext): Promise<number> {
  const party = partyOption(context, "retire");
  if (context.options["hosts"] !== undefined) throw new UsageError("--hosts: not for retire");
  const retired = await retire(opened(context), party);
  const { refused, listedAt } = retired;
  say(context, retired, [
    refused.length === 0
      ? `the replaced certificates of ${party} were refused already; the list was written again.`
      : `${refused.length} replaced certificate${refused.length === 1 ? "" : "s"} of ${party} are refused from now on.`,
    `The list is in ${listedAt.length} folders here; to parties elsewhere, the broker first, hand crl.pem.`,
  ]);
  return EXIT.ok;
}

function opened({ config }: RoleContext): { keys: string; authority: ReturnType<typeof openAuthority>; now: number } {
  const keys = join(config.paths.data, "keys");
  return { keys, authority: openAuthority(keys), now: Date.now() / 1_000 };
}

function partyOption({ options }: RoleContext, command: string): string {
  const { party, meter } = options;
  if (meter !== undefined) throw new UsageError(`--meter: not for ${command}; a meter is a party, too: --party m-001`);
  if (typeof party !== "string")
    throw new UsageError(`${command}: name the party with --party (a-1, broker, utility, m-001)`);
  return party;
}

function say({ json }: RoleContext, summary: object, lines: readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(summary)}\n` : `${lines.join("\n")}\n`);
}
