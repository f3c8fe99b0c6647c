/** Alerts: rules, engine and who is told of a change. */
import type { Config } from "../../../config/index.ts";
import type { LiveHub } from "../live/live-hub.ts";
import { AlertStore } from "./alert-store.ts";
import { AlertEngine } from "./engine.ts";
import { alertMessage, alertTopic } from "./publish.ts";
import { readRules } from "./rules-file.ts";
import { readSecret, Webhook, type WebhookLog } from "./webhook.ts";

export { AlertEngine, AlertStateError } from "./engine.ts";
export { GridNamesCache } from "./grid-names.ts";
export { AlertWatch } from "./watch.ts";

export interface AlertsOptions {
  readonly config: Pick<Config, "alerts">;
  /** Of the database. */
  readonly place: string;
  readonly live: LiveHub;
  /** Unix seconds of the wall clock. */
  readonly now: () => number;
  /** Publishes over MQTT, or does nothing while the broker is away: what is open can be asked for. */
  readonly publish: (topic: string, payload: string) => void;
  readonly log: WebhookLog;
}

export interface Alerts {
  readonly engine: AlertEngine;
  readonly webhooks: readonly Webhook[];
  readonly stop: () => Promise<void>;
}

/** Throws RulesError, WebhookError, StorageError. */
export function openAlerts({ config: { alerts }, place, live, now, publish, log }: AlertsOptions): Alerts {
  const rules = readRules(alerts.rules);
  const webhooks = alerts.webhooks.map(({ url, secretFile }) => {
    const secret = secretFile === undefined ? undefined : readSecret(secretFile);
    return new Webhook({ url, secret, settings: alerts, now, log });
  });
  const store = AlertStore.open(place);
  const engine = new AlertEngine({
    ...{ rules, store, now, retentionDays: alerts.retentionDays },
    onChange: (change) => {
      const { alert, tell } = change;
      const [topic, message] = [alertTopic(alert), alertMessage(alert, now())];
      // The staff sees everything, and what is silenced as such.
      live.emit("alert", JSON.stringify({ topic, message }));
      if (!tell) return;
      if (alerts.publish && alert.public) publish(topic, JSON.stringify(message));
      for (const webhook of webhooks) webhook.push(change);
    },
  });
  return {
    engine,
    webhooks,
    stop: async () => {
      await Promise.all(webhooks.map((webhook) => webhook.stop()));
      store.close();
    },
  };
}
