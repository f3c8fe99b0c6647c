/** The HTTP interface: where it listens, how long a session lasts, how much it takes from one client. */
import { z } from "zod";
import { flag, port, seconds, text, whole } from "./schema-fields.ts";

const PROXIES = 'false, or a list of addresses and networks of proxies, such as `["127.0.0.1", "10.1.0.0/16"]`';
const notAll = (network: string): boolean => !network.endsWith("/0");
const proxy = z.union([
  z.ipv4(),
  z.ipv6(),
  z.cidrv4().refine(notAll, "fewer addresses than all there are"),
  z.cidrv6().refine(notAll, "fewer addresses than all there are"),
]);

export const api = z.strictObject({
  enabled: flag(true, "A simulated fleet starts the HTTP interface, too; `npm run api` does so by itself."),
  host: text("127.0.0.1", "Address on which the HTTP interface and the dashboard listen; `0.0.0.0` for all."),
  port: port(8080, "Port of the HTTP interface and the dashboard"),
  secureCookies: flag(false, "Cookies over HTTPS only: set it behind a proxy that ends TLS."),
  // Neither true nor a number of proxies: whoever reaches the port beside them would be believed, too.
  trustProxy: z
    .union([z.literal(false), z.array(proxy).min(1).max(100)], { error: PROXIES })
    .default(false)
    .meta({
      description:
        "Proxies from which a client's address is taken, of `X-Forwarded-For` the last that is none of them. " +
        "Never all addresses: then everybody could make theirs up.",
      allowed: PROXIES,
    }),
  sessionIdleSeconds: seconds(60, 2_592_000, 43_200, "A session ends after so long without a request."),
  sessionMaxSeconds: seconds(60, 31_536_000, 604_800, "A session ends so long after signing in."),
  requestsPerMinute: whole(1, 1_000_000, 600, "Requests that one account, or one address without account, may send.", {
    unit: "1/min",
  }),
  signInsPerMinute: whole(1, 10_000, 10, "Attempts to sign in from one address.", { unit: "1/min" }),
  requestSeconds: seconds(0.1, 3_600, 30, "A request whose headers and body take longer to come is given up."),
  maxConnections: whole(1, 1_000_000, 5_000, "Connections open at a time; more are closed.", { unit: "connections" }),
  connectionsPerAddress: whole(
    ...([1, 1_000_000, 250] as const),
    "Of them, those of one address, where no proxy is named in `api.trustProxy`.",
    { unit: "connections" },
  ),
  passwordThreads: whole(1, 16, 1, "Passwords that are checked at a time, each in a thread of its own with 32 MiB.", {
    unit: "threads",
  }),
  passwordsWaiting: whole(
    ...([1, 10_000, 16] as const),
    "Passwords that wait to be checked, as many again of addresses from which the name was signed in to before; more are refused.",
    { unit: "passwords" },
  ),
  maxStreams: whole(1, 100_000, 200, "Streams of events open at a time.", { unit: "streams" }),
  streamsPerAccount: whole(1, 100_000, 10, "Of them, those that one account may have.", { unit: "streams" }),
  staffStreams: whole(0, 100_000, 20, "Of them, those that customers leave to operators, auditors and admins.", {
    unit: "streams",
  }),
  heartbeatSeconds: seconds(
    0.02,
    300,
    15,
    "A stream shows this often that it lives; whether its account still may listen is looked up then.",
  ),
  auditDays: whole(1, 36_500, 730, "Days that entries of the audit are kept.", { unit: "days" }),
});
