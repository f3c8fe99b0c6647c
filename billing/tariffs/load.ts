/** The edge where a tariff file is read. Every YAML scalar stays text, so that no price is ever a float. */
import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { TariffError } from "./faults.ts";
import { parseTariff, type Tariff } from "./tariff.ts";

/** Reads a tariff from YAML text; throws TariffError `syntax` or `invalid` with all faults. */
export function parseTariffYaml(text: string, subject = "tariff"): Tariff {
  const document = parseDocument(text, { schema: "failsafe", prettyErrors: true });
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => {
      const line = error.linePos?.[0].line;
      return { path: line === undefined ? "" : `line ${line}`, message: error.message.split("\n")[0] ?? error.code };
    });
    throw new TariffError("syntax", subject, faults);
  }
  return parseTariff(document.toJS(), subject);
}

/** Reads a tariff file; throws what reading throws, and TariffError naming the file. */
export async function loadTariff(path: string): Promise<Tariff> {
  return parseTariffYaml(await readFile(path, "utf8"), path);
}
