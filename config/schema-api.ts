/** The HTTP interface: where it listens, how long a session lasts, how much it takes from one client. */
import { z } from "zod";
import { flag, port, seconds, text, whole } from "./schema-fields.ts";

export const api = z.strictObject({
  enabled: flag(true, "A simulated fleet starts the HTTP interface, too; `npm run api` does so by itself."),
  host: text("127.0.0.1", "Address on which the HTTP interface and the dashboard listen; `0.0.0.0` for all."),
  port: port(8080, "Port of the HTTP interface and the dashboard"),
  secureCookies: flag(false, "Cookies over HTTPS only: set it behind a proxy that ends TLS."),
  trustProxy: flag(
    false,
    "Takes a client's address from `X-Forwarded-For`: only behind a proxy that overwrites it, and does not append.",
  ),
  sessionIdleSeconds: seconds(60, 2_592_000, 43_200, "A session ends after so long without a request."),
  sessionMaxSeconds: seconds(60, 31_536_000, 604_800, "A session ends so long after signing in."),
  requestsPerMinute: whole(1, 1_000_000, 600, "Requests that one account, or one address without account, may send.", {
    unit: "1/min",
  }),
  signInsPerMinute: whole(1, 10_000, 10, "Attempts to sign in from one address.", { unit: "1/min" }),
  maxStreams: whole(1, 100_000, 200, "Streams of events open at a time.", { unit: "streams" }),
});
