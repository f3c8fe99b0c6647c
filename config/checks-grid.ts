/** What the grid in operation asks of the rest of the configuration. */
import { type Check, unless } from "./check.ts";

export const GRID_CHECKS: readonly Check[] = [
  {
    fields: ["grid.enabled", "grid.scada", "grid.scadaFile", "grid.scadaUrl"],
    rule: "Samples from a file need the file, samples over MQTT the broker",
    fault: ({ grid: { enabled, scada, scadaFile, scadaUrl } }) => {
      if (!enabled || scada === "simulated") return undefined;
      return scada === "csv"
        ? unless(scadaFile !== "", "grid.scada is csv and names no grid.scadaFile")
        : unless(scadaUrl !== "", "grid.scada is mqtt and names no grid.scadaUrl");
    },
  },
  {
    fields: ["grid.enabled", "grid.scada", "system.production"],
    rule: "A production system does not operate on made-up samples",
    fault: ({ grid: { enabled, scada }, system: { production } }) =>
      unless(!enabled || !production || scada !== "simulated", "simulated samples in a production system"),
  },
  {
    fields: ["grid.vMinPu", "grid.vMaxPu"],
    rule: "The least voltage is below the largest",
    fault: ({ grid: { vMinPu, vMaxPu } }) =>
      unless(vMinPu === 0 || vMaxPu === 0 || vMinPu < vMaxPu, `${vMinPu} p.u. is not below ${vMaxPu} p.u.`),
  },
];
