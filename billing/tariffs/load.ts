/** The edge where a tariff file is read. Every YAML scalar stays text, so that no price is ever a float. */
import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { TariffError, type TariffFault } from "./faults.ts";
import { parseTariff, type Tariff } from "./tariff.ts";

/** Aliases (`*name`) that are followed: ten of ten of ten would fill the memory. */
const MOST_ALIASES = 100;

/** Reads a tariff from YAML text; throws TariffError `syntax` or `invalid` with all faults. */
export function parseTariffYaml(text: string, subject = "tariff"): Tariff {
  return parseTariff(plainOf(text, subject), subject);
}

function plainOf(text: string, subject: string): unknown {
  const syntax = (faults: readonly TariffFault[]): TariffError => new TariffError("syntax", subject, faults);
  try {
    const document = parseDocument(text, { schema: "failsafe", prettyErrors: true });
    if (document.errors.length === 0) return document.toJS({ maxAliasCount: MOST_ALIASES });
    throw syntax(
      document.errors.map((error) => {
        const line = error.linePos?.[0].line;
        return { path: line === undefined ? "" : `line ${line}`, message: error.message.split("\n")[0] ?? error.code };
      }),
    );
  } catch (error) {
    // An alias of nothing, or of too much; brackets within brackets beyond what can be followed.
    if (error instanceof ReferenceError || error instanceof RangeError) {
      throw syntax([{ path: "", message: error.message }]);
    }
    throw error;
  }
}

/** Reads a tariff file; throws what reading throws, and TariffError naming the file. */
export async function loadTariff(path: string): Promise<Tariff> {
  return parseTariffYaml(await readFile(path, "utf8"), path);
}
