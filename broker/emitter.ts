/**
 * Finds who gets a message: the `mq` of Aedes, without a queue. The stock one runs messages in a limited number and
 * calls itself for the next, which ends the process when a stalled subscriber lets go of a long backlog.
 * Who matches a topic is remembered until a subscription changes.
 */

/** A message on its way; Aedes passes its own packets. */
export interface Message {
  readonly topic: string;
}

type Done = (error?: Error | null) => void;
export type Listener = (message: Message, done: Done) => void;

interface Level {
  readonly children: Map<string, Level>;
  readonly listeners: Set<Listener>;
}

/** Topics whose listeners are remembered; some publishers may name rounds and series freely. */
const MAX_REMEMBERED = 65_536;
const NOBODY: readonly Listener[] = [];

const newLevel = (): Level => ({ children: new Map(), listeners: new Set() });

export class Emitter {
  readonly #root = newLevel();
  #remembered = new Map<string, readonly Listener[]>();
  #closed = false;

  on(filter: string, listener: Listener, done?: Done): this {
    let level = this.#root;
    for (const name of filter.split("/")) {
      let next = level.children.get(name);
      if (next === undefined) level.children.set(name, (next = newLevel()));
      level = next;
    }
    level.listeners.add(listener);
    this.#forget();
    if (done !== undefined) setImmediate(done);
    return this;
  }

  removeListener(filter: string, listener: Listener, done?: Done): this {
    remove(this.#root, filter.split("/"), 0, listener);
    this.#forget();
    if (done !== undefined) setImmediate(done);
    return this;
  }

  /** Hands the message to everyone who matches and calls `done`, never at once, when all are through with it. */
  emit(message: Message, done: Done): this {
    const listeners = this.#closed ? NOBODY : this.#matching(message.topic);
    // Aedes reads on in `done`: at once would mean from within its own parser.
    if (listeners.length === 0) setImmediate(done);
    else if (listeners.length === 1) listeners[0]!(message, () => done());
    else {
      let open = listeners.length;
      const one = (): void => {
        if (--open === 0) done();
      };
      for (const listener of listeners) listener(message, one);
    }
    return this;
  }

  close(done: Done): this {
    this.#closed = true;
    setImmediate(done);
    return this;
  }

  #forget(): void {
    if (this.#remembered.size > 0) this.#remembered = new Map();
  }

  #matching(topic: string): readonly Listener[] {
    const known = this.#remembered.get(topic);
    if (known !== undefined) return known;
    const found = new Set<Listener>();
    collect(this.#root, topic.split("/"), 0, found);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#forget();
    const listeners = found.size === 0 ? NOBODY : [...found];
    this.#remembered.set(topic, listeners);
    return listeners;
  }
}

function collect(level: Level, names: readonly string[], at: number, found: Set<Listener>): void {
  for (const listener of level.children.get("#")?.listeners ?? []) found.add(listener);
  if (at === names.length) {
    for (const listener of level.listeners) found.add(listener);
    return;
  }
  const exact = level.children.get(names[at]!);
  if (exact !== undefined) collect(exact, names, at + 1, found);
  const any = level.children.get("+");
  if (any !== undefined) collect(any, names, at + 1, found);
}

/** Takes the listener away, and the levels that are of no use any more. */
function remove(level: Level, names: readonly string[], at: number, listener: Listener): void {
  if (at === names.length) {
    level.listeners.delete(listener);
    return;
  }
  const name = names[at]!;
  const child = level.children.get(name);
  if (child === undefined) return;
  remove(child, names, at + 1, listener);
  if (child.listeners.size === 0 && child.children.size === 0) level.children.delete(name);
}
