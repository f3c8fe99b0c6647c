/** Whether tariffs fit the system that they are to be used in. */
import type { Config } from "../../config/index.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import type { TariffBook } from "./tariff-book.ts";

/** Throws UsageError for a tariff of another currency or time zone. */
export function assertTariffs(book: TariffBook, config: Config): void {
  for (const { file, tariff } of book.all()) {
    for (const key of ["currency", "timezone"] as const) {
      if (tariff[key] === config.system[key]) continue;
      throw new UsageError(`${file}: ${key} is ${tariff[key]}, but system.${key} is ${config.system[key]}`);
    }
  }
}
