/** Who announces learning rounds: analytics, with the key in its folder. */
import type { Party } from "../../../config/keys/index.ts";
import { UsageError } from "../../../config/runtime/role-command.ts";
import type { Signer } from "../../../protocol/envelope/index.ts";

/** Throws UsageError for a folder of keys without one to sign with. */
export function signerOf({ id, signKey }: Pick<Party, "id" | "signKey">): Signer {
  if (signKey === undefined) throw new UsageError("keys/analytics: the signing key is missing");
  return { id, signKey };
}
