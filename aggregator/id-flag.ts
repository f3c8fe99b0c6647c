/** The flag `--id` of commands that are about one aggregator. */
import { UsageError } from "../config/runtime/role-command.ts";
import { aggregatorIndex } from "../protocol/names.ts";

/** The aggregator's index. Throws UsageError for what is none. */
export function indexOf({ id }: Readonly<Record<string, unknown>>): number {
  const index = aggregatorIndex.safeParse(Number(id));
  if (!index.success) throw new UsageError(`--id: expected the aggregator's index, 1 to 7, got ${String(id)}`);
  return index.data;
}
