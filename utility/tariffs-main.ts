/**
 * Checks the tariffs of a configuration, and touches nothing: whoever is about to make a system asks this first. A
 * process of its own, for only the utility knows what a tariff is.
 */
import { type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { assertTariffs } from "./bills/assert-tariffs.ts";
import { TariffBook } from "./bills/tariff-book.ts";
import { TariffError } from "../billing/tariffs/index.ts";

async function run({ config }: RoleContext): Promise<void> {
  const { tariff, tariffs } = config.billing;
  try {
    assertTariffs(await TariffBook.load(tariff, tariffs), config);
  } catch (error) {
    if (error instanceof TariffError) throw new UsageError(`billing.tariff: ${error.message}`);
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined || path === undefined) throw error;
    throw new UsageError(`billing.tariff: ${path} cannot be read (${code})`);
  }
}

await runRole({ name: "tariffs", description: "Checks the tariffs of the configuration.", logFiles: false, run });
