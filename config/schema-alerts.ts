/** Alerts: their rules, how long they are kept, and who is told of them. */
import { z } from "zod";
import { flag, seconds, text, whole } from "./schema-fields.ts";

const webhook = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: "an http or https address" })
    // They would be in every log, and no request may carry them.
    .refine((url) => !/^\w+:\/\/[^/]*@/.test(url), "an address without user and password"),
  secretFile: z.string().min(1).optional(),
});

export const alerts = z.strictObject({
  rules: text("config/alerts/default.yaml", "Rules of alerts; a file of your own stands in place of the shipped one."),
  lookSeconds: seconds(0.05, 3_600, 5, "The utility's database is looked at this often."),
  retentionDays: whole(1, 36_500, 400, "Days that resolved alerts are kept.", { unit: "days" }),
  publish: flag(true, "Alerts about what is public go to `wv/1/pub/alert/<rule>`."),
  webhooks: z.array(webhook).max(20).default([]).meta({
    description: "Addresses that each change of an alert is posted to; with a secret it is signed.",
    allowed: "a list of at most 20 maps of `url` and, optionally, `secretFile`",
  }),
  webhookSeconds: seconds(0.05, 300, 10, "Wait for the answer of a webhook."),
  webhookRetries: whole(0, 100, 8, "A webhook that fails is tried again so often, with growing waits."),
  webhookRetrySeconds: seconds(0.01, 3_600, 1, "First of these waits; it doubles up to five minutes."),
  webhookQueue: whole(1, 100_000, 1_000, "Changes that wait for one webhook; beyond it the oldest is dropped.", {
    unit: "changes",
  }),
});
