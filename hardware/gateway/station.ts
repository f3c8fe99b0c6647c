/** One port of the gateway with what hangs on it, as the gateway runs it. */
import type { RoleContext } from "../../config/runtime/role-command.ts";
import type { PortSettings } from "../../config/schema-gateway.ts";
import type { HomeAssistantPublisher } from "./home-assistant/publisher.ts";
import type { PortLog } from "./port-log.ts";
import { keepPort, type LineUser } from "./port-session.ts";
import type { OpenPort } from "./serial-port.ts";

export interface StationOptions {
  readonly context: RoleContext;
  readonly settings: PortSettings;
  readonly open: OpenPort;
  readonly log: PortLog;
  /** Unix seconds: the system's clock, or a recording's. */
  readonly now: () => number;
  /** Prints what is read; nothing is kept and nothing sent. */
  readonly print: ((what: Readonly<Record<string, unknown>>) => void) | undefined;
  readonly homeAssistant: HomeAssistantPublisher | undefined;
}

/** Runs until the signal; rejects where this port or its meter cannot work at all. */
export type Station = (options: StationOptions, signal: AbortSignal) => Promise<void>;

/** Keeps the station's port open for `user`. */
export function keepOpen({ context, settings, open, log }: StationOptions, user: LineUser, signal: AbortSignal) {
  const { retryMinSeconds, retryMaxSeconds } = context.config.gateway;
  return keepPort({ path: settings.port, open, user, log, retryMinSeconds, retryMaxSeconds }, signal);
}
