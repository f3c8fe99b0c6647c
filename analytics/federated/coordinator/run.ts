/** A campaign led by a process of its own: analytics' keys, a connection, a database; at the end a model and what it is worth. */
import { join } from "node:path";
import { openParty } from "../../../config/keys/index.ts";
import { brokerAddress } from "../../../config/runtime/broker-address.ts";
import { connectLink, type Link } from "../../../config/runtime/link.ts";
import { Refusals } from "../../../config/runtime/refusals.ts";
import { EXIT, type RoleContext } from "../../../config/runtime/role-command.ts";
import { announceReady } from "../../../config/runtime/role-report.ts";
import { createSimClockFeed } from "../../../config/runtime/sim-clock-feed.ts";
import { signAnnouncement } from "../../../protocol/learning/index.ts";
import { filterOf, topicOf } from "../../../protocol/topics.ts";
import type { Coordinator } from "./coordinator.ts";
import { LedCampaign } from "./led-campaign.ts";
import { readPlan } from "./plan.ts";
import { signerOf } from "./signer.ts";

const POLL_MILLISECONDS = 50;

export async function runCoordinator({ config, log, signal, options }: RoleContext): Promise<number> {
  const plan = readPlan(`--plan ${String(options["plan"])}`, String(options["plan"]));
  const party = openParty(join(config.paths.data, "keys", "analytics"));
  const signer = signerOf(party);
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const feed = createSimClockFeed({ config, directory: party.directory, refusals });
  const handle: { link?: Link } = {};
  const campaign = await LedCampaign.open({
    ...{ config, plan, log, directory: party.directory },
    ports: {
      now: () => feed.clock.now(),
      monotonic: () => performance.now() / 1_000,
      sign: (content) => signAnnouncement(content, signer),
      announce: (payload) => handle.link?.send(topicOf("learnAnnounce", {}), payload),
      refused: (code, detail) => refusals.count(code, detail),
    },
  });
  const { coordinator } = campaign;
  const result = filterOf("learnResult");
  handle.link = await connectLink({
    ...{ party, log, signal, settings: config.link, alone: true },
    ...brokerAddress(config),
    subscriptions: [result, ...feed.subscriptions],
    onMessage: (topic, payload) => {
      if (!feed.accept(topic, payload) && topic === result) coordinator.take(payload);
    },
  });
  announceReady({ id: party.id });
  await untilOver(coordinator, signal);
  await coordinator.idle();
  await handle.link.close();
  refusals.flush();
  const file = coordinator.isOver ? await campaign.report() : undefined;
  await campaign.close();
  if (file === undefined) return EXIT.interrupted;
  // Whoever watches over this process would start it again.
  if (process.send !== undefined && !signal.aborted) {
    await new Promise((wake) => signal.addEventListener("abort", wake, { once: true }));
  } else if (process.send === undefined) process.stdout.write(`${file}\n`);
  return EXIT.ok;
}

async function untilOver(coordinator: Coordinator, signal: AbortSignal): Promise<void> {
  while (!coordinator.isOver && !signal.aborted) {
    coordinator.poll();
    await new Promise((wake) => setTimeout(wake, POLL_MILLISECONDS));
  }
}
