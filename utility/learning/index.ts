/** Puts learning rounds together: announcements in, results out; the rounds themselves go through the desk of all rounds. */
import type { Directory } from "../../protocol/keys/directory.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { filterOf } from "../../protocol/topics.ts";
import { LearningAnnouncer, type LearningAnnouncerPorts } from "./announcer.ts";
import type { LearningRounds } from "./rounds.ts";

export interface LearningOptions extends LearningAnnouncerPorts {
  readonly rounds: LearningRounds;
  readonly directory: Pick<Directory, "servers">;
  readonly refuse: (code: string, detail: string) => void;
}

export class Learning {
  readonly subscriptions = [filterOf("learnAnnounce")];
  readonly #options: LearningOptions;
  readonly #announcer: LearningAnnouncer;

  constructor(options: LearningOptions) {
    this.#options = options;
    this.#announcer = new LearningAnnouncer(options);
  }

  /** Undefined when the topic is not one of these. */
  accept(name: string | undefined, payload: Uint8Array): Promise<void> | undefined {
    return name === "learnAnnounce" ? this.#take(payload) : undefined;
  }

  async #take(payload: Uint8Array): Promise<void> {
    const { rounds, directory, refuse } = this.#options;
    try {
      await rounds.take(payload, directory, refuse);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(`announcement-${error.code}`, error.message);
    }
    await this.#announcer.flush();
  }

  start(): Promise<void> {
    return this.#announcer.start();
  }

  /** Publishes what waits. */
  flush(): Promise<void> {
    return this.#announcer.flush();
  }
}
