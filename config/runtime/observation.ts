/**
 * What this process shows of itself to whoever watches it: its last figures, whether it accepts work, and its
 * connections to the broker. One for the process, as its log is: roles note, and the metrics server reads.
 */

/** Figures of a role: counters by name, and refusals by code. */
export interface RoleStats {
  readonly role: string;
  readonly refused: Readonly<Record<string, number>>;
  readonly counters: Readonly<Record<string, number>>;
}

interface ObservedLink {
  readonly connected: boolean;
}

export class Observation {
  #stats: RoleStats | undefined;
  #ready = false;
  readonly #links = new Set<ObservedLink>();

  /** The figures that the role has just reported. */
  noteStats(stats: RoleStats): void {
    this.#stats = stats;
  }

  /** The role accepts work from now on. */
  noteReady(): void {
    this.#ready = true;
  }

  /** A connection to the broker that this process means to keep. Returns how to forget it. */
  noteLink(link: ObservedLink): () => void {
    this.#links.add(link);
    return () => this.#links.delete(link);
  }

  get stats(): RoleStats | undefined {
    return this.#stats;
  }

  get links(): readonly ObservedLink[] {
    return [...this.#links];
  }

  /** Why no work should be sent here, in words; nothing when it is ready. */
  get obstacles(): string[] {
    const away = this.links.filter(({ connected }) => !connected);
    return [
      ...(this.#ready ? [] : ["it has not finished starting"]),
      ...(away.length === 0 ? [] : [`${away.length} of ${this.#links.size} connections to the broker are down`]),
    ];
  }
}

export const observation = new Observation();
