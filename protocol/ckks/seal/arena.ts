/**
 * Who deletes what. Objects of the WebAssembly heap belong to the scope they were made in and die with it, whether it
 * returns or throws; `keep` hands one on to the scope outside, and out of the outermost scope to the caller.
 */
import { LiveObjects } from "./load.ts";

interface Deletable {
  readonly delete: () => void;
}

/** An object of the WebAssembly heap that this project counts. Deleting it twice is harmless. */
export class Handle<T extends Deletable> {
  #object: T | undefined;

  constructor(object: T) {
    this.#object = object;
    LiveObjects.add();
  }

  /** The library's object. Throws RangeError after deletion. */
  get object(): T {
    if (this.#object === undefined)
      throw new RangeError("object: it was deleted with its scope; keep what is returned");
    return this.#object;
  }

  delete(): void {
    if (this.#object === undefined) return;
    this.#object.delete();
    this.#object = undefined;
    LiveObjects.remove();
  }
}

export class Scope {
  readonly #owned = new Set<{ delete(): void }>();
  readonly #outer: Scope | undefined;

  constructor(outer: Scope | undefined) {
    this.#outer = outer;
  }

  /** Takes ownership: `item` dies with this scope. */
  own<T extends { delete(): void }>(item: T): T {
    this.#owned.add(item);
    return item;
  }

  /** Lets `item` outlive this scope: the scope outside owns it then, or, where there is none, the caller. */
  keep<T extends { delete(): void }>(item: T): T {
    this.#owned.delete(item);
    return this.#outer === undefined ? item : this.#outer.own(item);
  }

  /** Deletes one item now, in a loop that would otherwise hold a thousand. */
  drop(item: { delete(): void }): void {
    this.#owned.delete(item);
    item.delete();
  }

  close(): void {
    for (const item of this.#owned) item.delete();
    this.#owned.clear();
  }
}

/** The open scopes of one engine, innermost last. */
export class Arena {
  #current: Scope | undefined;

  /** The innermost scope. Throws RangeError when none is open: the object would never be deleted. */
  get current(): Scope {
    if (this.#current === undefined) throw new RangeError("scope: expected to be called inside engine.scope()");
    return this.#current;
  }

  run<T>(work: (scope: Scope) => T): T {
    const outer = this.#current;
    const scope = new Scope(outer);
    this.#current = scope;
    try {
      const result = work(scope);
      if (result instanceof Promise) throw new RangeError("work: a scope ends before a promise does; await outside it");
      return result;
    } finally {
      this.#current = outer;
      scope.close();
    }
  }
}
