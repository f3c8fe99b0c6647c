/** The sections of a gateway: which meters hang on which ports, and what a household shows to Home Assistant. */
import { z } from "zod";
import { meterId } from "../protocol/names.ts";
import { flag, seconds, text, whole } from "./schema-fields.ts";

/** What can hang on a port: a device that shares by itself, three languages of real meters, or bare pulses. */
export const PORT_KINDS = ["wattveil", "p1", "sml", "d0", "pulse"] as const;
export type PortKind = (typeof PORT_KINDS)[number];

export const portSettings = z.strictObject({
  /** A serial port (`/dev/ttyUSB0`, `COM3`), or for pulses a line of a GPIO chip: `gpio:gpiochip0/17`. */
  port: z.string().min(1).max(256),
  kind: z.enum(PORT_KINDS),
  meter: meterId,
  /** Baud rate; left out: the usual one of the kind, and for P1 the one that is found. */
  baud: z.int().min(50).max(4_000_000).optional(),
  /** Pulses of a kilowatt-hour, as printed on the meter; for `pulse` only. */
  pulsesPerKwh: z.int().min(1).max(100_000).optional(),
  /** File with the 32 hex digits of a P1 meter that encrypts. */
  keyFile: z.string().min(1).optional(),
  /** D0 only: the meter speaks by itself, or must be asked by the sign-on sequence. */
  signOn: z.boolean().optional(),
});
export type PortSettings = Readonly<z.infer<typeof portSettings>>;

export const gateway = z.strictObject({
  ports: z
    .array(portSettings)
    .max(64)
    .default([])
    .meta({
      description: "Ports and the meters behind them; `--port` with `--kind` and `--meter` stands for one of them.",
      allowed:
        "a list of `port`, `kind` (" +
        PORT_KINDS.join(", ") +
        ") and `meter`, with `baud`, `pulsesPerKwh`, `keyFile` or `signOn` where the kind has it",
    }),
  retryMinSeconds: seconds(0.05, 60, 0.5, "First wait before a port that is gone is opened again; doubles."),
  retryMaxSeconds: seconds(0.05, 600, 10, "Longest wait before a port that is gone is opened again."),
  baudSeconds: seconds(0.1, 600, 12, "How long one baud rate of P1 is listened to before the next is tried."),
  silentSeconds: seconds(0.1, 86_400, 60, "Without a telegram for so long a port is opened anew."),
  askSeconds: seconds(1, 3_600, 60, "A meter that speaks only when asked (D0 with `signOn`) is asked this often."),
  noiseSeconds: seconds(0.1, 86_400, 300, "Line noise is counted always, and summed up in the log once in this time."),
  clockSeconds: seconds(
    0,
    86_400,
    300,
    "Furthest that a meter's clock and this computer's may lie apart for a reading to count; 0 does not compare.",
  ),
  debounceMilliseconds: whole(1, 1_000, 20, "Pulses closer together than this are one.", { unit: "ms" }),
  pulseSaveSeconds: seconds(0.1, 3_600, 10, "Counted pulses are on disk after this; a power cut loses the rest."),
});

export const homeAssistant = z.strictObject({
  url: z
    .string()
    .regex(/^(mqtts?:\/\/.+)?$/, "mqtt://host:port or mqtts://host:port")
    .default("")
    .meta({
      description:
        "MQTT broker of Home Assistant, not the one of the parties; empty: nothing is shown. The gateway shows what " +
        "the household's own meters say.",
      allowed: "`mqtt://host:port`, `mqtts://host:port` or empty",
    }),
  user: z.string().default("").meta({ description: "User name at that broker; empty for none." }),
  passwordFile: z.string().default("").meta({ description: "File that holds the password; empty for none." }),
  prefix: text("homeassistant", "Where Home Assistant looks for discovery messages."),
  topic: z
    .string()
    .regex(/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, "topic levels of letters, digits, '.', '_' or '-'")
    .default("wattveil")
    .meta({ description: "Topic under which the states are published.", allowed: "topic levels" }),
  everySeconds: seconds(0.1, 3_600, 10, "States are published at most this often."),
  power: flag(true, "Shows the present power beside the totals."),
});
