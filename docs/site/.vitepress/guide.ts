/** The map of the documentation: every page has one place in it, which a test holds. */

export interface Chapter {
  readonly title: string;
  readonly pages: readonly { readonly text: string; readonly file: string }[];
}

export const guide: readonly Chapter[] = [
  {
    title: "Begin",
    pages: [
      { text: "What it is", file: "README.md" },
      { text: "Concepts", file: "docs/concepts.md" },
      { text: "Tutorial: to an attached meter", file: "docs/tutorial.md" },
      { text: "Changes", file: "CHANGELOG.md" },
    ],
  },
  {
    title: "Attach meters",
    pages: [
      { text: "Hardware", file: "docs/hardware/README.md" },
      { text: "Gateway", file: "docs/hardware/gateway.md" },
      { text: "Flash a board", file: "docs/hardware/flashing.md" },
      { text: "Keys into a device", file: "docs/hardware/provisioning.md" },
      { text: "The firmware", file: "hardware/firmware/README.md" },
      { text: "Telegrams of real meters", file: "docs/hardware/readers.md" },
      { text: "When it does not work", file: "docs/hardware/troubleshooting.md" },
    ],
  },
  {
    title: "Run it",
    pages: [
      { text: "Deployment", file: "docs/deployment.md" },
      { text: "Other brokers", file: "docs/brokers.md" },
      { text: "Chaos", file: "docs/chaos.md" },
      { text: "Figures, health, logs", file: "docs/metrics.md" },
      { text: "Tariffs", file: "docs/tariffs.md" },
      { text: "Losses and theft", file: "docs/balance.md" },
      { text: "Alerts", file: "docs/alerts.md" },
      { text: "Dashboard", file: "docs/dashboard.md" },
    ],
  },
  {
    title: "Compute",
    pages: [
      { text: "Circuits on ciphertexts", file: "docs/circuits.md" },
      { text: "Federated learning", file: "docs/federated.md" },
      { text: "Differential privacy", file: "docs/differential-privacy.md" },
      { text: "Models and training", file: "docs/learning.md" },
      { text: "Forecasts", file: "docs/forecasts.md" },
      { text: "The grid", file: "docs/grid.md" },
      { text: "Switches and paths", file: "docs/optimiser.md" },
      { text: "Sun and wind", file: "docs/renewables.md" },
      { text: "Maintenance", file: "docs/maintenance.md" },
    ],
  },
  {
    title: "Reference",
    pages: [
      { text: "Every parameter", file: "docs/configuration.md" },
      { text: "The database", file: "docs/database.md" },
      { text: "PostgreSQL", file: "docs/postgresql.md" },
      { text: "HTTP interface", file: "docs/api.md" },
      { text: "Wire protocol", file: "docs/protocol.md" },
      { text: "Serial protocol", file: "hardware/firmware/PROTOCOL.md" },
      { text: "What a device costs", file: "docs/hardware/budget.md" },
      { text: "How it scales", file: "docs/scaling.md" },
    ],
  },
  {
    title: "Security",
    pages: [
      { text: "Threat model", file: "docs/threat-model.md" },
      { text: "Exhaustion", file: "docs/exhaustion.md" },
      { text: "The log and receipts", file: "docs/ledger.md" },
      { text: "Noise against key leaks", file: "docs/flooding.md" },
      { text: "Report a fault", file: "SECURITY.md" },
    ],
  },
  {
    title: "Change it",
    pages: [{ text: "Contributing", file: "CONTRIBUTING.md" }],
  },
];
